"""One call of the Web API: its arguments, its token, its rate tier, and the errors Slack answers with."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from sandbox.world import World

Json = dict[str, Any]
#: arguments that come as JSON inside a form
_NESTED = ("blocks", "attachments", "view", "metadata", "files", "users")
#: calls per minute of each tier (docs.slack.dev/apis/web-api/rate-limits); tier 5 is not limited here
TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
#: messages one channel takes at once before the pace of one a second holds
POST_BURST = 5


class SlackError(Exception):
    """The call is refused; `code` is Slack's error, `messages` its response_metadata.messages."""

    def __init__(self, code: str, *messages: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.messages = messages
        self.extra = extra

    def as_json(self) -> Json:
        """The body Slack answers with (always HTTP 200)."""
        body: Json = {"ok": False, "error": self.code, **self.extra}
        if self.messages:
            body["errors"] = list(self.messages)
            body["response_metadata"] = {"messages": [f"[ERROR] {line}" for line in self.messages]}
        return body


class RateLimited(Exception):
    """Too many calls; try again after `seconds` (whole, at least 1)."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"retry after {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True, kw_only=True)
class Method:
    """One method of the Web API."""

    name: str
    act: Callable[["Call"], Json]
    #: rate tier 1..5
    tier: int
    required: tuple[str, ...] = ()
    #: False: a JSON body is ignored, only forms and queries count
    takes_json: bool = True
    #: whose token it takes: "bot", "app" (Socket Mode) or "anyone"
    caller: str = "bot"


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call that passed the token check."""

    world: "World"
    arguments: Json
    request: web.Request

    def text(self, name: str, default: str = "") -> str:
        """An argument as a string; `default` if absent or null."""
        value = self.arguments.get(name)
        return default if value is None else str(value)

    def flag(self, name: str) -> bool:
        """A boolean argument; forms say "1" or "true"."""
        return self.arguments.get(name) in (True, 1, "1", "true", "True")

    def whole(self, name: str, default: int, lowest: int, highest: int) -> int:
        """A whole number; out of range or not a number raises invalid_arguments."""
        value = self.arguments.get(name, default)
        try:
            number = int(value)
        except (TypeError, ValueError):
            raise SlackError("invalid_arguments", f"must provide an integer [json-pointer:/{name}]") from None
        if not lowest <= number <= highest:
            raise SlackError("invalid_limit" if name == "limit" else "invalid_arguments")
        return number


def _nested(arguments: Json) -> Json:
    """Decode the arguments that are JSON in a string; what cannot be decoded stays a string."""
    for name in _NESTED:
        value = arguments.get(name)
        if isinstance(value, str) and value[:1] in ("[", "{"):
            try:
                arguments[name] = json.loads(value)
            except ValueError:
                continue
    return arguments


async def read_arguments(request: web.Request, *, takes_json: bool) -> Json:
    """Arguments from the query, a form, multipart, or JSON. Raises SlackError for broken bodies."""
    arguments: Json = dict(request.query)
    if request.method == "GET":
        return _nested(arguments)
    kind = request.content_type
    if kind == "application/json":
        try:
            given = json.loads(await request.read() or b"{}")
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(given, dict):
            raise SlackError("json_not_object")
        arguments |= given if takes_json else {}
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.post()
        arguments |= {name: value for name, value in form.items() if isinstance(value, str)}
    elif await request.read():
        raise SlackError("invalid_post_type")
    return _nested(arguments)


def check_token(world: "World", request: web.Request, arguments: Json, method: Method) -> None:
    """Raises not_authed, invalid_auth or not_allowed_token_type."""
    given = arguments.pop("token", None)
    header = request.headers.get("Authorization", "")
    token = header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else given
    if method.caller == "anyone":
        return
    if not token:
        raise SlackError("not_authed")
    settings = world.settings
    if token not in (settings.slack_bot_token, settings.slack_app_token):
        raise SlackError("invalid_auth")
    wanted = settings.slack_bot_token if method.caller == "bot" else settings.slack_app_token
    if token != wanted:
        raise SlackError("not_allowed_token_type")


def check_required(arguments: Json, method: Method) -> None:
    """Raises invalid_arguments naming every required argument that is missing."""
    missing = [name for name in method.required if arguments.get(name) in (None, "")]
    if missing:
        raise SlackError("invalid_arguments", *(f"missing required field: {name}" for name in missing))


def _take(world: "World", key: str, per_second: float, burst: float) -> float:
    """Take one from a bucket; seconds to wait if it is empty, else 0. Buckets fill with sandbox time."""
    buckets = world.slack.buckets
    now = world.clock.now().timestamp()
    left, at = buckets.get(key, (burst, now))
    left = min(burst, left + max(0.0, now - at) * per_second)
    if left >= 1:
        buckets[key] = (left - 1, now)
        return 0.0
    buckets[key] = (left, now)
    return (1 - left) / per_second


def check_pace(world: "World", method: Method, arguments: Json) -> str:
    """Raise RateLimited if this is one call too many; with limits only warned of, say so instead."""
    wait = 0.0
    if method.name == "chat.postMessage":
        key = str(arguments.get("channel"))
        channel = world.slack.find_channel(key)
        wait = _take(world, f"post {channel.id if channel else key}", 1.0, POST_BURST)
    elif method.tier in TIERS:
        per_minute = TIERS[method.tier]
        wait = _take(world, method.name, per_minute / 60, per_minute)
    if not wait:
        return ""
    seconds = max(1, int(wait + 0.999))
    if world.settings.enforce_rate_limits:
        raise RateLimited(seconds)
    return f"over the rate limit; Slack would have said: retry after {seconds} s"
