"""``opsbell webhooks``: what to paste where, for each vendor whose secret is set."""

from __future__ import annotations

from collections.abc import Sequence

from bot.clock import new_id, system_now
from bot.settings import VENDORS, Settings
from handlers.webhooks import TOPICS, address
from storage.database import open_engine
from storage.shops import ShopRows
from storage.unit_of_work import Store
from storage.upgrade import ensure_current


def addresses(settings: Settings) -> str:
    """One line for each topic of each shop. Whoever knows an address still needs the vendor's secret."""
    engine = open_engine(settings.database_url)
    ensure_current(engine)
    store = Store(
        engine=engine, now=system_now, new_id=new_id, secret=settings.link_secret.get_secret_value().encode()
    )
    with engine.connect() as connection:
        shops = ShopRows(connection).all()
    base = settings.public_url.rstrip("/") or "<public url>"
    lines = [
        f"{source:12} {shop.key:16} {topic:24} {base}{address(source, shop.key, topic, store.sign)}"
        for source in VENDORS for shop in shops for topic in TOPICS[source]
        if settings.secrets_for(source, shop.key)
    ]
    lines += [
        f"{source:12} off: set OPSBELL_{source.upper()}_SECRET (docs/webhooks.md)"
        for source in VENDORS if source not in settings.vendors
    ]
    lines += unheard(settings, [shop.key for shop in shops])
    store.close()
    return "\n".join(lines) + "\n"


def unheard(settings: Settings, shops: Sequence[str]) -> list[str]:
    """A sentence for each shop that a vendor is not heard in though others are, and for each that is not ours."""
    lines = []
    for source in settings.vendors:
        name = f"OPSBELL_{source.upper()}_SECRET"
        lines += [
            f"{source:12} {shop:16} off: set {name}S for it, or {name} for every shop without its own"
            for shop in shops if not settings.secrets_for(source, shop)
        ]
        lines += [
            f"{source:12} {shop:16} is no shop here, and stands in {name}S"
            for shop in settings.own_secrets(source) if shop not in shops
        ]
    for source, accounts in settings.order_accounts.items():
        name = f"OPSBELL_{source.upper()}_API"
        lines += [
            f"{source:12} {shop:16} lost webhooks are not made up for: set {name} for it"
            for shop in shops if settings.secrets_for(source, shop) and shop not in accounts
        ]
        strangers = [shop for shop in accounts if shop not in shops]
        lines += [f"{source:12} {shop:16} is no shop here, and stands in {name}" for shop in strangers]
    return lines
