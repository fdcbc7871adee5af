"""``opsbell check`` against the sandbox: each way in which a chat can be closed to the bot is said, with what to do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.check import check
from bot.manifest import manifest
from bot.settings import Settings
from sandbox.server import running
from sandbox.slack.manifest import METHOD_SCOPES
from sandbox.world import Settings as SandboxSettings
from sandbox.world import World
from storage.database import open_engine
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
