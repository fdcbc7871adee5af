"""What is weak or missing is said before the start, and the addresses of webhooks are printed as the doors know them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.addresses import addresses
from bot.settings import BadSettings, Settings, require
from handlers.webhooks.addresses import known_token
from storage import shop_file
from storage.database import open_engine
from storage.unit_of_work import Store
from storage.upgrade import upgrade
from tests.desk import START, shop_file_of

GOOD = {
    "link_secret": "x" * 40, "telegram_token": "7000000001:a-token", "telegram_mode": "webhook",
    "telegram_secret": "a-webhook-secret-of-32-characters", "public_url": "https://desk.example.org",
    "shop_webhook_secret": "whsec_c2FuZGJveC1zaG9wLXNlY3JldC0wMDAwMDAwMDAwMDA=", "without": "slack,stripe",
}


def given(**changed: str) -> Settings:
    return Settings(_env_file=None, **{**GOOD, **changed})


def test_good_secrets_pass_also_two_during_a_rotation() -> None:
    require(given())
    require(given(telegram_secret=f"{'a' * 32},{'b' * 32}"))


@pytest.mark.parametrize(("changed", "said"), [
    ({"link_secret": "x" * 31}, "OPSBELL_LINK_SECRET is too short: 32 characters or more"),
    ({"telegram_secret": "a" * 31}, "OPSBELL_TELEGRAM_SECRET: 32 to 256 letters"),
    ({"telegram_secret": "a" * 40 + "!"}, "OPSBELL_TELEGRAM_SECRET: 32 to 256 letters"),
    ({"telegram_secret": f"{'a' * 40},short"}, "OPSBELL_TELEGRAM_SECRET: 32 to 256 letters"),
    ({"shop_webhook_secret": "whsec_c2hvcnQ="}, "OPSBELL_SHOP_WEBHOOK_SECRET: whsec_ and 24 random bytes"),
    ({"shop_webhook_secret": f"{GOOD['shop_webhook_secret']},whsec_"}, "OPSBELL_SHOP_WEBHOOK_SECRET: whsec_"),
    ({"slack_response_url": "https://hooks.slack.com"}, "OPSBELL_SLACK_RESPONSE_URL: an address with a /"),
    ({"without": "slack,stripe,shpo"}, "OPSBELL_WITHOUT names 'shpo'"),
])
def test_a_weak_secret_or_a_slip_stops_the_start_and_is_not_shown(changed: dict[str, str], said: str) -> None:
    with pytest.raises(BadSettings) as refused:
        require(given(**changed))
    assert said in str(refused.value)
    assert not any(value in str(refused.value) for name, value in changed.items() if name.endswith("secret"))


def test_the_addresses_of_webhooks_are_those_that_the_doors_know(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'opsbell.db'}"
    engine = open_engine(url)
    upgrade(engine)
    with engine.begin() as connection:
        shop_file.apply(connection, shop_file_of())
    engine.dispose()
    settings = given(database_url=url, shopify_secret="s" * 32, easypost_secret="e" * 32)
    lines = addresses(settings).splitlines()
    said = [line.split() for line in lines if "off:" not in line]
    store = Store(engine=open_engine(url), now=lambda: START, new_id=str, secret=GOOD["link_secret"].encode())
    for source, shop, topic, address in said:
        base, _, token = address.rpartition("/")
        assert base == f"https://desk.example.org/webhooks/{source}/{shop}/{topic}"
        assert known_token(source, shop, topic, token, store.sign)
        assert not known_token(source, shop, "other", token, store.sign)
    store.close()
    assert {(source, shop) for source, shop, _, _ in said} == {("shopify", "nordlicht"), ("easypost", "nordlicht")}
    assert [line.split()[0] for line in lines if "off: set OPSBELL_" in line] == ["woocommerce", "aftership"]
    assert not any("s" * 32 in line or "e" * 32 in line for line in lines)
