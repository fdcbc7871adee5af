"""``opsbell check`` against the sandbox: each way in which a chat can be closed to the bot is said, with what to do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from bot.check import check
from bot.manifest import manifest
from bot.settings import Settings
from domain.jobs import Lane
from sandbox.faults import read_fault
from sandbox.server import running
from sandbox.slack.manifest import METHOD_SCOPES
from sandbox.world import Settings as SandboxSettings
from sandbox.world import World
from storage.database import open_engine
from storage.jobs import JobRows
from storage.shop_file import ChatRow, ShopFile, apply
from storage.upgrade import upgrade
from tests.conftest import ROOT
from tests.desk import CHATS, STAFF

GROUP = "-4001"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running(SandboxSettings(patience=0.0)) as made:
        yield made


def _desk(world: World, folder: Path, chats: tuple[ChatRow, ...] = CHATS) -> Settings:
    """Settings of a desk whose shop names those chats."""
    url = f"sqlite:///{folder / 'desk.db'}"
    engine = open_engine(url)
    upgrade(engine)
    with engine.begin() as connection:
        apply(connection, ShopFile(
            key="nordlicht", name="Nordlicht", currency="EUR", country="DE", language="en", time_zone="Europe/Berlin", settings={},
            staff=STAFF, chats=chats,
        ))
    engine.dispose()
    sandbox = SandboxSettings()
    return Settings(
        _env_file=None, database_url=url, without="stripe,shop", link_secret="x" * 40, telegram_secret="s" * 40,
        slack_bot_token=sandbox.slack_bot_token, slack_signing_secret="s" * 32, public_url="https://desk.example",
        slack_base_url=f"{world.address}/slack/api/", telegram_token=sandbox.telegram_token,
        telegram_base_url=f"{world.address}/telegram",
    )


async def _act(world: World, path: str, **body: object) -> None:
    async with aiohttp.ClientSession() as http, http.post(f"{world.address}/control{path}", json=body) as answer:
        assert answer.status == 200, await answer.text()


async def test_all_is_well_where_the_bot_is_everywhere(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = _desk(world, tmp_path, (*CHATS, ChatRow(topic="stock", platform="telegram", address=GROUP)))
    assert await check(given), capsys.readouterr().out
    out = capsys.readouterr().out
    assert "I can write into all 4 channels" in out
    assert "I can write into its 1 chat" in out


async def test_what_would_stop_the_start_is_said_before_it(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = _desk(world, tmp_path, (*CHATS, ChatRow(topic="stock", platform="telegram", address=GROUP)))
    assert not await check(given.model_copy(update={"listen": "abc", "without": "stripe,shop,slak"}))
    out = capsys.readouterr().out
    assert "✗ OPSBELL_LISTEN: an address and a port" in out
    assert "✗ OPSBELL_WITHOUT names 'slak'" in out


@pytest.mark.parametrize(("act", "said"), [
    ({"remove": ["bot"]}, "C0STOCK (stock): I am not in it: type /invite @opsbell there"),
    ({"archived": True}, "C0STOCK (stock): it is archived"),
])
async def test_a_channel_that_is_closed_to_the_bot_is_said(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], act: dict[str, object], said: str
) -> None:
    await _act(world, "/slack/channel", channel="stock", **act)
    assert not await check(_desk(world, tmp_path))
    assert said in capsys.readouterr().out


async def test_chats_that_are_not_there_and_a_group_that_threw_the_bot_out(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await _act(world, "/telegram/kick", user="ada")
    chats = (
        *CHATS[1:], ChatRow(topic="stock", platform="slack", address="C0NOWHERE"),
        ChatRow(topic="stock", platform="telegram", address=GROUP),
        ChatRow(topic="stock", platform="telegram", address="424242"),
    )
    assert not await check(_desk(world, tmp_path, chats))
    out = capsys.readouterr().out
    assert "C0NOWHERE (stock): there is no such channel, or it is private" in out
    assert re.search(rf"{GROUP} \(stock\): .*add me", out)
    assert "424242 (stock): Telegram says" in out


async def test_a_shop_system_that_has_cut_us_off_is_said_with_what_to_do(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = _desk(world, tmp_path)
    await _learned(given, "api:shopify:nordlicht", 0, shut=True)
    assert not await check(given)
    out = capsys.readouterr().out
    assert "✗ Shopify, shop nordlicht: cut off: the app was uninstalled, or it refused our key; set a new key, restart" in out
    assert "I can write into all 4 channels" in out  # the rest is looked at all the same


async def test_news_that_reach_nobody_are_said(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not await check(_desk(world, tmp_path, CHATS[:2]))
    assert "nordlicht: no chat hears returns, daily" in capsys.readouterr().out


async def test_an_app_of_before_these_scopes_is_told_to_install_again(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = manifest("https://desk.example")
    old["oauth_config"]["scopes"]["bot"].remove("channels:read")
    await _act(world, "/slack/manifest", manifest=old)
    assert not await check(_desk(world, tmp_path))
    assert "the app lacks a scope: paste what opsbell slack-manifest prints" in capsys.readouterr().out


def test_the_manifest_grants_every_method_that_is_called() -> None:
    """Each call of the Web API that stands in the code, in channels, private channels and direct messages."""
    code = "".join(path.read_text() for part in ("notifications", "handlers", "bot") for path in (ROOT / part).rglob("*.py"))
    called = {name.replace("_", ".", 1) for name in re.findall(r"client\.([a-z]+_\w+)\(", code)}
    assert {"chat.postMessage", "conversations.open", "conversations.info", "conversations.replies"} <= called
    granted = set(manifest("")["oauth_config"]["scopes"]["bot"])
    needed = {METHOD_SCOPES[name] for name in called & METHOD_SCOPES.keys()}
    history = {scope.replace("channels:", kind) for scope in needed if scope == "channels:history" for kind in ("im:", "groups:")}
    assert (needed | history) - granted == set()



def test_whoever_changes_a_manifest_changes_that_one_alone() -> None:
    manifest("")["oauth_config"]["scopes"]["bot"].clear()
    assert manifest("")["oauth_config"]["scopes"]["bot"]


# --- what the platforms have asked of the desk


async def _learned(given: Settings, lane: str, seconds: float, *, shut: bool = False) -> None:
    """As a running desk on the same database learned it."""
    engine = open_engine(given.database_url)
    with engine.begin() as connection:
        now = datetime.now(UTC)
        JobRows(connection, now).hold(lane, until=now + timedelta(seconds=seconds), shut=shut)
    engine.dispose()


def _lane(given: Settings, key: str) -> Lane:
    engine = open_engine(given.database_url)
    with engine.begin() as connection:
        found = JobRows(connection, datetime.now(UTC)).lanes([key])[key]
    engine.dispose()
    return found


@pytest.mark.parametrize(("lane", "shut", "said", "asked"), [
    ("slack:all", False, "Slack asked us to wait: opsbell check again in", {"slack": 0}),
    ("slack:all", True, "Slack refused our token before, and it is tried once a minute", {"slack": 0}),
    ("slack:conversations.info", False, "Slack asked us to wait: opsbell check again in", {"slack": 1}),
    ("telegram:all", False, "Telegram asked us to wait: opsbell check again in", {"telegram": 0}),
    ("telegram:all", True, "Telegram refused our token before", {"telegram": 0}),
    ("stripe:all", False, "Stripe asked us to wait", {"stripe": 0}),
])
async def test_a_check_asks_nothing_that_a_platform_wants_nobody_to_ask(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], lane: str, shut: bool, said: str, asked: dict[str, int]
) -> None:
    given = _desk(world, tmp_path, (*CHATS, ChatRow(topic="stock", platform="telegram", address=GROUP)))
    given = given.model_copy(update={
        "without": "shop", "stripe_key": SecretStr("sk_test_sandbox"), "stripe_base_url": f"{world.address}/stripe",
        "stripe_webhook_secret": SecretStr("whsec_x"),
    })
    await _learned(given, lane, 500, shut=shut)
    assert not await check(given)
    assert said in capsys.readouterr().out
    for platform, count in asked.items():
        assert len([one for one in world.calls if one.platform == platform]) == count


@pytest.mark.parametrize(("platform", "method", "fault", "lane"), [
    ("slack", "auth.test", {"kind": "error", "error": "invalid_auth"}, "slack:all"),
    ("slack", "conversations.info", {"kind": "ratelimit", "retry_after": 400}, "slack:conversations.info"),
    ("telegram", "getMe", {"kind": "error", "error": "Unauthorized"}, "telegram:all"),
    ("telegram", "getChatMember", {"kind": "ratelimit", "retry_after": 400}, "telegram:all"),
])
async def test_what_a_check_hears_of_that_kind_every_process_obeys(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], platform: str, method: str, fault: dict[str, object], lane: str
) -> None:
    given = _desk(world, tmp_path, (*CHATS, ChatRow(topic="stock", platform="telegram", address=GROUP)))
    world.faults.add(read_fault(platform, {"method": method, "times": 1, **fault}))
    began = datetime.now(UTC)
    assert not await check(given)
    out = capsys.readouterr().out
    assert "refuses the bot token" in out or "asked us to wait" in out
    found = _lane(given, lane)
    assert found.held_until is not None
    assert found.held_until > began + timedelta(seconds=30)
    assert found.shut is (fault["kind"] == "error")
    calls = len([one for one in world.calls if one.platform == platform and one.name == method])
    assert not await check(given)
    assert len([one for one in world.calls if one.platform == platform and one.name == method]) == calls


async def test_a_check_is_the_trial_of_a_new_token_and_opens_what_was_shut(world: World, tmp_path: Path) -> None:
    given = _desk(world, tmp_path)
    await _learned(given, "slack:all", 0, shut=True)
    await _learned(given, "telegram:all", 0, shut=True)
    assert await check(given)
    assert not _lane(given, "slack:all").shut
    assert not _lane(given, "telegram:all").shut
