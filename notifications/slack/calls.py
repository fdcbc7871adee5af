"""One call to Slack, and what its failure means: refused, never sent, or nobody knows.

Error codes: the methods' own pages under docs.slack.dev/reference/methods, read 2026-11. Rate limits:
docs.slack.dev/apis/web-api/rate-limits.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from domain.jobs import Engine
from domain.outcomes import Later, retry_after
from notifications.direct import TOKEN_WAIT, Lanes
from notifications.pace import distance

T = TypeVar("T")

log = logging.getLogger("opsbell.slack")

#: held when Slack limits the whole app in this workspace, or refuses our token
ALL: Final = "slack:all"
#: each method's own limit over the workspace, one lane each
UPDATE: Final = "slack:chat.update"
HISTORY: Final = "slack:conversations.history"
REPLIES: Final = "slack:conversations.replies"
UPLOAD_URL: Final = "slack:files.getUploadURLExternal"
UPLOAD: Final = "slack:files.upload"
COMPLETE: Final = "slack:files.completeUploadExternal"
OPEN: Final = "slack:conversations.open"
INFO: Final = "slack:conversations.info"
WHO: Final = "slack:auth.test"
USER: Final = "slack:users.info"
HOME: Final = "slack:views.publish"
MODAL: Final = "slack:views.open"
EPHEMERAL: Final = "slack:chat.postEphemeral"
#: posts to a response URL, which carry no token
RESPONSE: Final = "slack:response_url"
#: jobs that wait for these lanes
KINDS: Final = ("say.slack", "whisper.slack", "home.slack")

#: posts in one channel; docs.slack.dev/apis/web-api/rate-limits: "1 per second per channel"
_CHANNEL_GAP: Final = distance(1, timedelta(seconds=1))
#: limits of the whole app, whatever the channel
_ALL_LIMITED: Final = frozenset({"rate_limited", "message_limit_exceeded"})
_LIMITED: Final = _ALL_LIMITED | {"ratelimited"}
#: our token is no good, whatever is asked: everything waits until it is
TOKEN: Final = frozenset({
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "accesslimited",
    "org_login_required",
})
#: our token is no good for this method; that of the posts is as good as all of them
SCOPE: Final = frozenset({"missing_scope", "not_allowed_token_type"})
#: our token is no good here: "your admins have disabled sending messages to this channel"
HERE: Final = frozenset({"access_denied", "no_permission", "ekm_access_denied", "team_access_not_granted"})
#: this chat refuses us for good, and why, in words that end "because ..."
CHAT: Final[Mapping[str, str]] = {
    "is_archived": "it is archived", "channel_not_found": "it is gone, or I was never in it",
    "not_in_channel": "I am not in it", "restricted_action": "only some people may write there",
    "restricted_action_read_only_channel": "nobody may write there",
    "restricted_action_thread_only_channel": "only threads are allowed there",
    "restricted_action_non_threadable_channel": "threads are not allowed there",
    "channel_is_limited_access": "it is closed to us", "cannot_reply_to_message": "that message takes no replies",
    "user_not_found": "that person is gone", "users_not_found": "that person is gone",
    "user_disabled": "that person's account is off", "cannot_dm_bot": "that is a bot",
    "messages_tab_disabled": "messages to this app are switched off",
}
#: the words or the layout are refused; the same words as plain text are not
LAYOUT: Final = frozenset({
    "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "blocks_too_long",
    "invalid_attachments", "too_many_attachments", "no_text", "invalid_metadata_format", "invalid_metadata_schema",
    "metadata_too_large", "slack_file_not_found", "markdown_text_conflict",
})
#: the message to edit is not there any more, or not ours
GONE: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive"})
#: "it's possible some aspect of the operation succeeded before the error was raised"
_BROKEN: Final = frozenset({
    "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org",
    "external_channel_migrating",
})


class NotSent(Exception):
    """The connection never stood: nothing was asked."""


@dataclass(eq=False)
class Lost(Exception):
    """The wire broke after we spoke, or Slack broke: it may have happened."""

    reason: str


@dataclass(eq=False)
class Refused(Exception):
    """Slack refused the call, and did nothing. ``lane``: what else its limit concerns."""

    code: str
    lane: str
    #: how long Slack asks us to wait; None if it does not
    wait: timedelta | None = None
    details: str = ""


async def ask(call: Awaitable[T], *, lane: str) -> T:
    """Slack's answer; Refused, NotSent or Lost. ``lane``: the limit that this method counts towards."""
    try:
        return await call
    except SlackApiError as error:
        raise told(error.response, lane) from error
    except SlackRequestError as error:
        raise Lost(f"a call failed: {str(error)[:100]}") from error
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise NotSent from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Lost(f"{type(error).__name__} while speaking to Slack") from error


def put_off(error: Refused) -> Later | None:
    """What all must wait for: a limit, or our token that is refused. None: it is about this call alone."""
    if error.wait is not None:
        return Later(wait=error.wait, reason=f"Slack asked us to wait ({error.code})", lane=error.lane, counts=False)
    if error.code in TOKEN:
        return whole_refused(error)
    return None


def whole_refused(error: Refused) -> Later:
    """Our token is refused, whatever is asked."""
    log.error("Slack refuses our token: %s. Everything for Slack waits until it works again.", error.code)
    return Later(
        wait=TOKEN_WAIT, reason=f"Slack refuses our token ({error.code})", lane=ALL, shut=True, counts=False
    )


@dataclass(frozen=True, kw_only=True)
class Direct:
    """Calls to Slack that are no job's."""

    lanes: Lanes

    async def ask(self, call: Callable[[], Awaitable[T]], *, lane: str, tokenless: bool = False) -> T:
        """Slack's answer; Barred where it wants nothing now, else Refused, NotSent or Lost.

        A limit that this call meets, or a token that it finds refused, is written down first. ``tokenless``: it
        carries no token.
        """
        trials = await self.lanes.enter((lane, ALL), tokenless=tokenless)
        try:
            answer = await ask(call(), lane=lane)
        except Refused as error:
            if (later := put_off(error)) is not None:
                raise await self.lanes.learn(later.lane, later.wait, shut=later.shut) from error
            await self.lanes.came_through(trials)
            raise
        await self.lanes.came_through(trials)
        return answer


def direct(engine: Engine) -> Direct:
    """Direct calls to the one workspace."""
    return Direct(lanes=Lanes(engine=engine, kinds=KINDS))


def is_person(address: str) -> bool:
    """Whether a post there is a direct message to somebody, by their id."""
    return address.startswith(("U", "W"))


def post(address: str) -> str:
    """The lane of a channel's posts."""
    return f"slack:post:{address}"


def posts(address: str) -> dict[str, timedelta]:
    """The lanes of a post."""
    return {post(address): _CHANNEL_GAP, ALL: timedelta(0)}


def looks(method: str) -> dict[str, timedelta]:
    """The lanes of a call that says nothing: it keeps no distance, and obeys what Slack asked of its method."""
    return {method: timedelta(0), ALL: timedelta(0)}


def told(response: AsyncSlackResponse | aiohttp.ClientResponse, lane: str) -> Exception:
    """What a response that is no success means."""
    # slack_sdk gives aiohttp's own response where the body was not what it said it was.
    status = response.status if isinstance(response, aiohttp.ClientResponse) else response.status_code
    body: Any = None if isinstance(response, aiohttp.ClientResponse) else response.data
    body = body if isinstance(body, dict) else {}
    code = str(body.get("error", ""))
    if status == 429 or code in _LIMITED:
        wait = retry_after(response.headers.get("Retry-After"))
        return Refused(code or "ratelimited", ALL if code in _ALL_LIMITED else lane, wait)
    if status >= 500 or code in _BROKEN or not code:
        return Lost(f"Slack answered {code or status}")
    details = (body.get("response_metadata") or {}).get("messages") or []
    return Refused(code, lane, None, " ".join(map(str, details))[:300])
