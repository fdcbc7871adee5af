"""Faults asked for through /control/faults: the next calls of a method fail as the real platform would."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from aiohttp import web

Kind = Literal["error", "ratelimit", "timeout", "reset_before", "reset_after", "http_500", "slow"]
KINDS: tuple[str, ...] = get_args(Kind)
PLATFORMS = ("slack", "telegram", "stripe", "shop")
#: longest a `timeout` fault holds a call open, in seconds
LONGEST_HANG = 120.0


class BadFault(ValueError):
    """The fault asked for cannot be made; the text says why."""


@dataclass(kw_only=True)
class Fault:
    """One fault and how often it still has to happen.

    `method` is the API's method name or "*" for any; `times` counts down to zero.
    """

    platform: str
    method: str
    kind: Kind
    times: int
    #: calls let through before the first one fails
    skip: int = 0
    #: the platform's own error code, for kind "error"
    error: str = "internal_error"
    #: HTTP status of kinds "error" and "http_500"; None: the platform's usual
    status: int | None = None
    #: seconds a client is told to wait, for kind "ratelimit"
    retry_after: int = 1
    #: the Retry-After header as it stands, for kind "ratelimit" on Slack: any text; "" = no header; None: `retry_after`
    header: str | None = None
    #: seconds a call hangs before its connection breaks (kind "timeout") or before its answer leaves (kind "slow")
    seconds: float = 30.0

    def as_json(self) -> dict[str, Any]:
        """The fault as the control API shows it."""
        return dict(self.__dict__)


def _number(asked: Mapping[str, Any], name: str, default: float, lowest: float) -> float:
    """A number of the request, at least `lowest`; raises BadFault."""
    value = asked.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < lowest:
        raise BadFault(f"{name} must be a number of at least {lowest:g}.")
    return value


def read_fault(platform: str, asked: Mapping[str, Any]) -> Fault:
    """A fault from the control API's JSON; raises BadFault with a clear sentence."""
    if platform not in PLATFORMS:
        raise BadFault(f"There is no platform {platform!r}; there are {', '.join(PLATFORMS)}.")
    kind = asked.get("kind")
    if kind not in KINDS:
        raise BadFault(f"There is no fault of kind {kind!r}; there are {', '.join(KINDS)}.")
    status = asked.get("status")
    if status is not None and (not isinstance(status, int) or not 200 <= status <= 599):
        raise BadFault("status must be an HTTP status from 200 to 599.")
    header = asked.get("header")
    if header is not None and (not isinstance(header, str) or not header.isprintable()):
        raise BadFault("header must be a text of one line.")
    return Fault(
        platform=platform,
        method=str(asked.get("method", "*")),
        kind=kind,
        times=int(_number(asked, "times", 1, 1)),
        skip=int(_number(asked, "skip", 0, 0)),
        error=str(asked.get("error", "internal_error")),
        status=status,
        retry_after=int(_number(asked, "retry_after", 1, 0)),
        header=header,
        seconds=min(_number(asked, "seconds", 30.0, 0), LONGEST_HANG),
    )


class Faults:
    """The faults still to come, oldest first."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """One more fault to come."""
        self.waiting.append(fault)

    def clear(self, platform: str | None = None) -> None:
        """Forget the faults of one platform, or of all."""
        self.waiting = [fault for fault in self.waiting if platform and fault.platform != platform]

    def take(self, platform: str, method: str) -> Fault | None:
        """The fault this call meets, counted down; None: the call works as usual."""
        for fault in self.waiting:
            if fault.platform != platform or fault.method not in ("*", method):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                return None
            fault.times -= 1
            if fault.times <= 0:
                self.waiting.remove(fault)
            return fault
        return None


def cut(request: web.Request) -> web.Response:
    """Break the caller's connection without an answer (the returned response never leaves)."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)


async def answer_with_fault(
    request: web.Request,
    fault: Fault | None,
    act: Callable[[], Awaitable[web.StreamResponse]],
    shape: Callable[[Fault], web.StreamResponse],
) -> web.StreamResponse:
    """Answer one API call as `fault` says.

    `act` does the call; `shape` words the kinds "error" and "ratelimit" as the platform does.
    "reset_after" does the call and then breaks the connection, "slow" does it and answers late; all other kinds do
    nothing. A 5xx is a page of HTML, as the platforms' proxies send it.
    """
    if fault is None:
        return await act()
    match fault.kind:
        case "error" | "ratelimit":
            return shape(fault)
        case "http_500":
            page = "<html><body><h1>Internal Server Error</h1></body></html>"
            return web.Response(status=fault.status or 500, text=page, content_type="text/html")
        case "slow":
            answer = await act()
            await asyncio.sleep(fault.seconds)
            return answer
        case "timeout":
            await asyncio.sleep(fault.seconds)
            return cut(request)
        case "reset_after":
            await act()
            return cut(request)
        case "reset_before":
            return cut(request)
