"""Behind Socket Mode: Bolt keeps the connection and acknowledges; what is asked is read and done as at the door."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from domain.foreign import Unreadable
from handlers.deadline import TooSlow
from handlers.slack.door import Doing
from handlers.slack.requests import asked, seen

log = logging.getLogger("opsbell.slack")

_ANY: Final = re.compile(".*", re.DOTALL)


def bolt(doing: Doing, token: str) -> AsyncApp:
    """Bolt with four catch-all listeners: it tries its listeners one after the other, so the names are ours to look up.

    It verifies nothing, since the connection is ours. There is one token, so no click waits for (or fails with) an
    auth.test of Bolt's.
    """

    async def heard(ack: AsyncAck, body: dict[str, Any]) -> None:
        wish = asked(body)
        answer: dict[str, Any] | None = None if wish is None else await doing.do(wish, seen(body, b""))
        await ack(**(answer or {}))

    app = AsyncApp(
        signing_secret="there is none", process_before_response=True, authorize=_authorized(token),  # noqa: S106
        request_verification_enabled=False, ssl_check_enabled=False, raise_error_for_unhandled_request=False,
    )
    app.command(_ANY)(heard)
    app.action(_ANY)(heard)
    app.view(_ANY)(heard)
    app.event("app_home_opened")(heard)
    app.error(_not_done)
    return app


async def _not_done(error: Exception) -> BoltResponse:
    """What was not done is not acknowledged: Slack shows the person a warning, and sends an event again."""
    if isinstance(error, Unreadable):
        return BoltResponse(status=400, body=error.sentence)
    if not isinstance(error, TooSlow):
        log.error("a request of Slack's broke", exc_info=error)
    return BoltResponse(status=503, body="not done; try again")


def _authorized(token: str) -> Callable[[], Awaitable[AuthorizeResult]]:
    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=token)

    return authorize
