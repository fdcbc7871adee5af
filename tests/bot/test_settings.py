"""What is weak or missing is said before the start, and the addresses of webhooks are printed as the doors know them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.addresses import addresses, unheard
from bot.settings import BadSettings, Settings, every_secret, load, require
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
    ({"listen": "abc"}, "OPSBELL_LISTEN: an address and a port"),
    ({"listen": "127.0.0.1:65536"}, "OPSBELL_LISTEN: an address and a port"),
    ({"listen": ""}, "OPSBELL_LISTEN: an address and a port"),
    ({"admin_listen": "http://127.0.0.1:9090"}, "OPSBELL_ADMIN_LISTEN: an address and a port"),
    ({"public_url": "desk.example.org"}, "OPSBELL_PUBLIC_URL: the address under which"),
    ({"public_url": "https://desk.example.org/?a=b"}, "OPSBELL_PUBLIC_URL: the address under which"),
    ({"without": "slack", "stripe_key": "pk_live_secret", "stripe_webhook_secret": "whsec_x"}, "OPSBELL_STRIPE_KEY: a secret key"),
    ({"without": "slack", "stripe_key": "sk_secret", "stripe_webhook_secret": "whsec_x"}, "OPSBELL_STRIPE_KEY: a secret key"),
])
def test_a_weak_secret_or_a_slip_stops_the_start_and_is_not_shown(changed: dict[str, str], said: str) -> None:
    with pytest.raises(BadSettings) as refused:
        require(given(**changed))
    assert said in str(refused.value)
    assert not any(value in str(refused.value) for name, value in changed.items() if name.endswith(("secret", "key")))


@pytest.mark.parametrize(("listen", "where"), [
    (":8080", ("127.0.0.1", 8080)), ("0.0.0.0:80", ("0.0.0.0", 80)), ("desk.internal:65535", ("desk.internal", 65535)),
    ("[::1]:8080", ("::1", 8080)),
])
def test_where_it_listens(listen: str, where: tuple[str, int]) -> None:
    settings = given(listen=listen)
    require(settings)
    assert settings.address == where


def test_the_addresses_of_webhooks_are_those_that_the_doors_know(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'opsbell.db'}"
    engine = open_engine(url)
    upgrade(engine)
    with engine.begin() as connection:
        shop_file.apply(connection, shop_file_of())
    engine.dispose()
    settings = given(database_url=url, shopify_secret="s" * 32, easypost_secret="e" * 32)
    lines = addresses(settings).splitlines()
    said = [line.split() for line in lines if "://" in line]
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


@pytest.mark.parametrize("vendor", ["shopify", "woocommerce", "easypost", "aftership"])
def test_a_shops_secrets_come_as_json_from_the_environment_or_a_file_and_are_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: str
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"opsbell_{vendor}_secrets"
    monkeypatch.setenv(name.upper(), '{"nord-licht": "one,two", "nord_licht": "three"}')
    found = load()
    assert [found.secrets_for(vendor, one) for one in ("nord-licht", "nord_licht", "sued")] == [("one", "two"), ("three",), ()]
    assert {"one", "two", "three"} <= set(every_secret(found))
    assert "three" not in repr(found)
    monkeypatch.delenv(name.upper())
    (tmp_path / name).write_text('{"sued": "four"}')
    assert load().secrets_for(vendor, "sued") == ()
    monkeypatch.setenv("OPSBELL_SECRETS_DIR", str(tmp_path))
    assert load().secrets_for(vendor, "sued") == ("four",)
    monkeypatch.setenv("OPSBELL_SECRETS_DIR", str(tmp_path / "elsewhere"))
    with pytest.raises(BadSettings, match="there is no such folder"):
        load()
    monkeypatch.delenv("OPSBELL_SECRETS_DIR")
    monkeypatch.setenv(name.upper(), "nordlicht=whsec_hidden")
    with pytest.raises(BadSettings, match=f"{name.upper()} is not JSON") as refused:
        load()
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("secrets", ["", " , ", "a,b,c"])
def test_a_shop_needs_one_secret_or_two(secrets: str) -> None:
    with pytest.raises(BadSettings, match="OPSBELL_EASYPOST_SECRETS: 'nordlicht' needs one secret, or two"):
        require(Settings(_env_file=None, **GOOD, easypost_secrets={"nordlicht": secrets}))


@pytest.mark.parametrize(("vendor", "account", "said"), [
    ("woocommerce", {"url": "http://shop.example", "key": "ck_hidden", "secret": "cs_hidden"}, "never sent without TLS"),
    ("woocommerce", {"url": "https://u:hidden@shop.example", "key": "ck_hidden", "secret": "cs_hidden"}, "an address such as"),
    ("woocommerce", {"url": "https://shop.example", "key": "ck_hidden"}, "Field required"),
    ("woocommerce", {"url": "https://shop.example", "key": "ck_hidden", "secret": " "}, "it is empty"),
    ("shopify", {"url": "https://nordlicht.myshopify.com"}, "Field required"),
    ("shopify", {"url": "nordlicht.myshopify.com", "token": "shpat_hidden"}, "an address such as"),
    ("shopify", {"url": "https://nordlicht.myshopify.com", "token": "shpat_hidden", "tokn": "shpat_hidden"}, "not permitted"),
])
def test_an_account_that_is_not_whole_or_not_safe_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: str, account: dict[str, str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"OPSBELL_{vendor.upper()}_API", json.dumps({"nordlicht": account}))
    with pytest.raises(BadSettings, match=said) as refused:
        load()
    assert "hidden" not in str(refused.value)


def test_the_secrets_of_accounts_are_kept_out_of_the_log() -> None:
    found = Settings(
        _env_file=None, **GOOD,
        woocommerce_api={"nordlicht": {"url": "https://shop.example/", "key": "ck_1", "secret": "cs_1"}},
        shopify_api={"nordlicht": {"url": "http://127.0.0.1:8700/shopify", "token": "shpat_1"}},
    )
    assert {"ck_1", "cs_1", "shpat_1"} <= set(every_secret(found))
    assert found.woocommerce_api["nordlicht"].url == "https://shop.example"


def test_a_list_of_orders_that_is_set_is_not_missed_and_one_of_no_shop_is_named() -> None:
    account = {"url": "https://shop.example", "key": "ck_1", "secret": "cs_1"}
    found = Settings(_env_file=None, **GOOD, woocommerce_secret="w", woocommerce_api={"nordlicht": account, "nord": account})
    assert [line.split() for line in unheard(found, ["nordlicht"])] == [
        "woocommerce nord is no shop here, and stands in OPSBELL_WOOCOMMERCE_API".split()
    ]


def test_a_shop_that_is_not_heard_and_one_that_is_not_ours_are_named() -> None:
    found = Settings(_env_file=None, **GOOD, shopify_secrets={"nordlicht": "one", "nordlich": "two"}, easypost_secret="e")
    assert [line.split() for line in unheard(found, ["nordlicht", "sued"])] == [
        "shopify sued off: set OPSBELL_SHOPIFY_SECRETS for it, or OPSBELL_SHOPIFY_SECRET for every shop without its own".split(),
        "shopify nordlich is no shop here, and stands in OPSBELL_SHOPIFY_SECRETS".split(),
        "shopify nordlicht lost webhooks are not made up for: set OPSBELL_SHOPIFY_API for it".split(),
    ]
