"""From Slack to the app: signed HTTP requests, or Socket Mode envelopes while a socket is open.

Source: docs.slack.dev/authentication/verifying-requests-from-slack and docs.slack.dev/apis/events-api.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sandbox.people import APP, OTHER_TEAM, TEAM
from sandbox.slack.shown import Json
from sandbox.world import AppTimeout, AppUnreachable

if TYPE_CHECKING:
    from sandbox.world import World

#: legacy verification token; apps must not rely on it
VERIFICATION = "sandbox-verification-token"
#: seconds before the 2nd, 3rd and 4th delivery of an event (docs.slack.dev/apis/events-api, "Retries")
RETRY_WAITS = (0.0, 60.0, 300.0)


@dataclass(frozen=True, kw_only=True)
class Ack:
    """The app's answer to a request of Slack."""

    #: None: the app acknowledged; else Slack's word for what went wrong
    error: str | None
    #: decoded JSON object, or None
    body: Json | None = None
    #: the body when it is not JSON
    text: str = ""
    #: header that stops the retries of an event
    no_retry: bool = False


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's v0 signature of a request."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def _decoded(body: bytes) -> tuple[Json | None, str]:
    text = body.decode("utf-8", "replace")
    try:
        value = json.loads(text) if text.strip() else None
    except ValueError:
        return None, text
    return (value, "") if isinstance(value, dict) else (None, text)


async def _post(world: "World", body: bytes, kind: str, extra: dict[str, str]) -> Ack:
    timestamp = str(int(world.clock.now().timestamp()))
    headers = {
        "Content-Type": kind,
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature(world.settings.slack_signing_secret, timestamp, body),
        **extra,
    }
    world.slack.last_request = (body, headers)
    return await _deliver(world, body, headers)


async def repeat(world: "World") -> Ack:
    """Send the last HTTP request once more, byte for byte. Needs one (LookupError)."""
    if world.slack.last_request is None:
        raise LookupError("Nothing was sent to the app over HTTP yet.")
    ack = await _deliver(world, *world.slack.last_request)
    world.record("slack", "out", "again", {}, ack.error or "ok", ack.text[:200])
    return ack


async def _deliver(world: "World", body: bytes, headers: dict[str, str]) -> Ack:
    try:
        answer = await world.post_to_app("/slack/events", body, headers)
    except AppTimeout:
        return Ack(error="operation_timeout")
    except AppUnreachable:
        return Ack(error="dispatch_failed")
    stop = any(name.lower() == "x-slack-no-retry" for name in answer.headers)
    if answer.status != 200:
        return Ack(error=f"http_error_{answer.status}", no_retry=stop)
    decoded, text = _decoded(answer.body)
    return Ack(error=None, body=decoded, text=text)


async def send(world: "World", kind: str, payload: Json, *, name: str) -> Ack:
    """Give the app one request and wait for its ack (3 s).

    `kind` is Socket Mode's word: "slash_commands", "interactive" or "events_api"; `name` goes to the call log.
    """
    socket = next((one for one in world.slack.sockets if one.ready), None)
    if socket is not None:
        ack = await socket.deliver(kind, payload)
    elif kind == "slash_commands":
        ack = await _post(world, urlencode(payload).encode(), "application/x-www-form-urlencoded", {})
    elif kind == "interactive":
        body = urlencode({"payload": json.dumps(payload)}).encode()
        ack = await _post(world, body, "application/x-www-form-urlencoded", {})
    else:
        ack = await _post(world, json.dumps(payload).encode(), "application/json", {})
    world.record("slack", "out", name, payload, ack.error or "ok", ack.text[:200])
    return ack


def event_envelope(world: "World", event: Json) -> Json:
    """An event_callback around `event`."""
    state = world.slack
    shared = str(event.get("user_team", TEAM)) == OTHER_TEAM
    return {
        "token": VERIFICATION,
        "team_id": TEAM,
        "context_team_id": TEAM,
        "context_enterprise_id": None,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": state.new_id("Ev0"),
        "event_time": int(world.clock.now().timestamp()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": "U0OPSBELL",
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": shared,
        "event_context": state.new_id("4-", 40),
    }


async def send_event(world: "World", event: Json) -> Ack:
    """Deliver an event; if that fails, retry three times as Slack does (in the background)."""
    envelope = event_envelope(world, event)
    ack = await send(world, "events_api", envelope, name=f"event {event['type']}")
    if ack.error and not ack.no_retry:
        world.spawn(_retry(world, envelope, ack))
    return ack


def _reason(ack: Ack) -> str:
    if ack.error == "operation_timeout":
        return "http_timeout"
    return "connection_failed" if ack.error == "dispatch_failed" else "http_error"


async def _retry(world: "World", envelope: Json, first: Ack) -> None:
    """The 2nd to 4th delivery, at once, after 1 and after 5 minutes of sandbox time."""
    ack: Ack = first
    epoch = world.clock.epoch
    for number, wait in enumerate(RETRY_WAITS, start=1):
        await world.clock.sleep(wait)
        if ack.no_retry or world.clock.epoch != epoch:
            return
        headers = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": _reason(ack)}
        ack = await _post(world, json.dumps(envelope).encode(), "application/json", headers)
        detail = f"retry {number}: {headers['X-Slack-Retry-Reason']}"
        world.record("slack", "out", f"event {envelope['event']['type']}", envelope, ack.error or "ok", detail)
        if not ack.error:
            return
