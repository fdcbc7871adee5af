"""One call to Telegram, and what its failure means: refused, never sent, or nobody knows.

Source: core.telegram.org/bots/api#making-requests and #responseparameters (10.3); what aiogram makes of it: 3.31.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar

import aiohttp
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import TelegramMethod
from aiogram.methods.base import TelegramType

from domain.jobs import Engine
from notifications.direct import TOKEN_WAIT, Lanes

T = TypeVar("T")

log = logging.getLogger("opsbell.telegram")

#: about 30 calls a second over the whole bot; held when Telegram limits it, or refuses our token
ALL: Final = "telegram:all"
#: jobs that wait for it
KINDS: Final = ("say.telegram", "answer.telegram")

_LONGEST: Final = timedelta(hours=1)
#: where Telegram says to wait but not how long
_USUAL: Final = timedelta(seconds=30)


class TimedSession(AiohttpSession):
    """aiogram's session, with a limit of its own on how long a connection may take to stand."""

    def __init__(self, *, connect_seconds: float, **options: Any) -> None:
        """``timeout`` among the options is the whole call's, in seconds."""
        super().__init__(**options)
        self._connect_seconds = connect_seconds

    async def make_request(
        self, bot: Bot, method: TelegramMethod[TelegramType], timeout: int | None = None  # noqa: ASYNC109  aiogram's
    ) -> TelegramType:
        """Aiogram only hands the timeout on to aiohttp, which takes one of several parts, too."""
        parts = aiohttp.ClientTimeout(
            total=self.timeout if timeout is None else timeout, sock_connect=self._connect_seconds
        )
        return await super().make_request(bot, method, parts)  # type: ignore[arg-type]


class NotSent(Exception):
    """The connection never stood: nothing was asked."""


@dataclass(eq=False)
class Lost(Exception):
    """The wire broke after we spoke, or Telegram broke: it may have happened."""

    reason: str


@dataclass(eq=False)
class Limited(Exception):
    """Telegram did nothing, and asks us to wait."""

    wait: timedelta


@dataclass(eq=False)
class Moved(Exception):
    """The group has become a supergroup, under another id; nothing was done."""

    address: str


@dataclass(eq=False)
class TokenRefused(Exception):
    """Our token is no good; nothing was done."""

    reason: str


@dataclass(eq=False)
class Refused(Exception):
    """Telegram refused the call, and did nothing."""

    reason: str

    @property
    def phrase(self) -> str:
        """What it says as far as it is known: the rest may quote our text, and so a person."""
        known = (*_LAYOUT, *_UNREACHABLE, *_PICTURE)
        return next((words for words in known if words in self.reason.lower()), "another reason")

    @property
    def unreachable(self) -> bool:
        """Whether this person or group hears nothing of us any more."""
        return any(words in self.reason.lower() for words in _UNREACHABLE)

    @property
    def layout(self) -> bool:
        """Whether it is the text or the keyboard that is refused, so that plain text may pass."""
        return any(words in self.reason.lower() for words in _LAYOUT)

    @property
    def picture(self) -> bool:
        """Whether it is the picture that is refused, so that the words alone may pass."""
        return any(words in self.reason.lower() for words in _PICTURE)


_UNREACHABLE: Final = (
    "bot was blocked by the user", "user is deactivated", "bot can't initiate conversation", "chat not found",
    "bot was kicked", "bot is not a member", "have no rights to send", "need administrator rights", "peer_id_invalid",
    "not enough rights to send", "chat_write_forbidden",
)
_LAYOUT: Final = (
    "can't parse entities", "message is too long", "caption is too long", "text must be non-empty",
    "message text is empty", "button_data_invalid", "button_url_invalid", "button_type_invalid",
    "reply_markup_too_long", "inline keyboard", "entity_bounds_invalid", "entities_too_long", "wrong http url",
    "text buttons are unallowed",
)
#: such as a picture that another bot was sent: a file_id is good for one bot alone
_PICTURE: Final = (
    "wrong file identifier", "wrong remote file", "wrong file_id", "file_reference", "photo_invalid_dimensions",
    "image_process_failed", "not enough rights to send photos",
)


async def ask(call: Awaitable[T]) -> T:
    """Telegram's answer, or one of the above."""
    try:
        return await call
    except (TelegramNetworkError, AiogramError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _meaning(error) from error


def token_refused(error: TokenRefused) -> str:
    """Say so in the log; the reason that waiting jobs are given."""
    log.error("Telegram refuses our token: %s. Everything for Telegram waits until it works.", error.reason)
    return f"Telegram refuses our token ({error.reason})"


@dataclass(frozen=True, kw_only=True)
class Direct:
    """Calls to Telegram that are no job's."""

    lanes: Lanes

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """Telegram's answer; Barred where it wants nothing now, else Refused, Moved, NotSent or Lost.

        A limit that this call meets, or a token that it finds refused, is written down first. Telegram does not say
        which limit it is, and these calls are about no chat: so it is taken for the whole bot's.
        """
        trials = await self.lanes.enter((ALL,))
        try:
            answer = await ask(call())
        except Limited as error:
            raise await self.lanes.learn(ALL, error.wait) from error
        except TokenRefused as error:
            token_refused(error)
            raise await self.lanes.learn(ALL, TOKEN_WAIT, shut=True) from error
        except (Refused, Moved):
            await self.lanes.came_through(trials)
            raise
        await self.lanes.came_through(trials)
        return answer


def direct(engine: Engine) -> Direct:
    """Direct calls to the one bot's API."""
    return Direct(lanes=Lanes(engine=engine, kinds=KINDS))


def _meaning(error: Exception) -> Exception:
    match error:
        case aiohttp.ClientResponseError() if error.status == 429:
            # The download of a file: its limit stands in the header alone.
            return Limited(_asked(error))
        case aiohttp.ClientResponseError() if error.status == 401:
            return TokenRefused(error.message)
        case TelegramRetryAfter():
            return Limited(min(max(timedelta(seconds=error.retry_after), timedelta(seconds=1)), _LONGEST))
        case TelegramMigrateToChat():
            return Moved(str(error.migrate_to_chat_id))
        case TelegramUnauthorizedError() | TelegramNotFound():
            return TokenRefused(error.message)
        case TelegramBadRequest() | TelegramForbiddenError():
            return Refused(error.message)
        case TelegramNetworkError() if _never_stood(error.__cause__):
            # aiogram puts a connection that never stood and an answer that never came into one class.
            return NotSent()
        case TelegramServerError() | TelegramNetworkError() | ClientDecodeError():
            # A 502 of a proxy is a page of HTML, which aiogram cannot decode.
            return Lost(f"{type(error).__name__} while speaking to Telegram")
        case TelegramAPIError() if "too many requests" in error.message.lower():
            return Limited(_USUAL)
        case TelegramAPIError():
            return Refused(error.message)
    return NotSent() if _never_stood(error) else Lost(f"{type(error).__name__} while speaking to Telegram")


def _asked(error: aiohttp.ClientResponseError) -> timedelta:
    header = error.headers.get("Retry-After", "") if error.headers else ""
    return min(max(timedelta(seconds=int(header)), timedelta(seconds=1)), _LONGEST) if header.isdecimal() else _USUAL


def _never_stood(cause: BaseException | None) -> bool:
    return isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)


__all__ = [
    "ALL", "Direct", "Limited", "Lost", "Moved", "NotSent", "Refused", "TimedSession", "TokenRefused", "ask", "direct",
    "token_refused",
]
