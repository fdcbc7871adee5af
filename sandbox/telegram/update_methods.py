"""The methods about receiving updates: getUpdates, setWebhook, deleteWebhook, getWebhookInfo."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox.telegram.arguments import Arguments, Json
from sandbox.telegram.errors import bad_request
from sandbox.telegram.updates import KINDS, MOST_PULLED, Webhook

if TYPE_CHECKING:
    from sandbox.world import World

SECRET = re.compile(r"[A-Za-z0-9_-]*")
MOST_SECRET = 256
PORTS = frozenset({80, 88, 443, 8443})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MOST_CONNECTIONS = 100
USUAL_CONNECTIONS = 40
#: longest a getUpdates waits, in seconds
LONGEST_POLL = 50


@dataclass(frozen=True, kw_only=True)
class Described:
    """A result that comes with a description."""

    result: Any
    description: str


def _allow(world: "World", arguments: Arguments) -> None:
    """Keep `allowed_updates`; without it the last list stays. Unknown names are ignored. Raises ApiError."""
    given = arguments.json("allowed_updates", "can't parse allowed_updates JSON array")
    if given is None:
        return
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise bad_request("expected an Array of String as allowed_updates")
    world.telegram.updates.allowed = frozenset(given) & KINDS


async def get_updates(world: "World", arguments: Arguments) -> list[Json]:
    """core.telegram.org/bots/api#getupdates: an offset confirms all updates before it."""
    _allow(world, arguments)
    limit = min(max(arguments.number("limit", MOST_PULLED), 1), MOST_PULLED)
    timeout = min(max(arguments.number("timeout"), 0), LONGEST_POLL)
    return await world.telegram.updates.pull(arguments.number("offset"), limit, timeout)


def _check_url(url: str) -> None:
    """Refuse what is no https address on one of Telegram's ports; this machine's own addresses may be plain http."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise bad_request("bad webhook: invalid webhook URL specified") from None
    if parts.scheme not in ("http", "https") or not host:
        raise bad_request("bad webhook: invalid webhook URL specified")
    if host in LOOPBACK:
        return
    if parts.scheme != "https":
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if (port or 443) not in PORTS:
        raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")


def _read_webhook(arguments: Arguments) -> Webhook:
    url, secret = arguments.text("url").strip(), arguments.text("secret_token")
    if len(secret) > MOST_SECRET:
        raise bad_request("secret token is too long")
    if not SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    _check_url(url)
    connections = arguments.number("max_connections", USUAL_CONNECTIONS)
    return Webhook(
        url=url,
        secret=secret,
        max_connections=min(max(connections, 1), MOST_CONNECTIONS),
        ip_address=arguments.text("ip_address"),
    )


async def set_webhook(world: "World", arguments: Arguments) -> Described:
    """core.telegram.org/bots/api#setwebhook; an empty url deletes it."""
    if not arguments.text("url").strip():
        return await delete_webhook(world, arguments)
    webhook = _read_webhook(arguments)
    updates = world.telegram.updates
    allowed_before = updates.allowed
    _allow(world, arguments)
    if arguments.flag("drop_pending_updates"):
        updates.pending.clear()
    old = updates.webhook
    same = old is not None and (old.url, old.secret, old.max_connections, old.ip_address) == (
        webhook.url, webhook.secret, webhook.max_connections, webhook.ip_address
    )
    if same and allowed_before == updates.allowed:
        updates.hurry()
        return Described(result=True, description="Webhook is already set")
    updates.set_webhook(webhook)
    return Described(result=True, description="Webhook was set")


async def delete_webhook(world: "World", arguments: Arguments) -> Described:
    """core.telegram.org/bots/api#deletewebhook."""
    updates = world.telegram.updates
    if arguments.flag("drop_pending_updates"):
        updates.pending.clear()
    if updates.webhook is None:
        return Described(result=True, description="Webhook is already deleted")
    updates.set_webhook(None)
    return Described(result=True, description="Webhook was deleted")


async def get_webhook_info(world: "World", _: Arguments) -> Json:
    """core.telegram.org/bots/api#getwebhookinfo."""
    updates = world.telegram.updates
    updates.drop_old()
    webhook = updates.webhook
    answer: Json = {
        "url": webhook.url if webhook else "",
        "has_custom_certificate": False,
        "pending_update_count": len(updates.pending),
    }
    if webhook:
        answer["max_connections"] = webhook.max_connections
        if webhook.ip_address:
            answer["ip_address"] = webhook.ip_address
        if webhook.last_error_at:
            answer["last_error_date"] = int(webhook.last_error_at.timestamp())
            answer["last_error_message"] = webhook.last_error
    if updates.allowed:
        answer["allowed_updates"] = sorted(updates.allowed)
    return answer
