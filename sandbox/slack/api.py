"""The Web API at /slack/api/<method>: parse, check, do, log."""

import contextlib
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.faults import Fault, answer_with_fault
from sandbox.slack import chat_methods, conversation_methods, file_methods, people_methods, view_methods
from sandbox.slack.calls import (
    Call,
    Json,
    Method,
    RateLimited,
    SlackError,
    check_pace,
    check_required,
    check_token,
    read_arguments,
)

if TYPE_CHECKING:
    from sandbox.world import World

METHODS = {
    method.name: method
    for method in (
        *chat_methods.METHODS,
        *conversation_methods.METHODS,
        *file_methods.METHODS,
        *people_methods.METHODS,
        *view_methods.METHODS,
    )
}


#: methods whose effect a person may notice
_NOTICED = ("chat.", "views.", "reactions.", "files.completeUpload")


def _too_many(header: str, error: str = "ratelimited") -> web.Response:
    body = {"ok": False, "error": error}
    return web.json_response(body, status=429, headers={"Retry-After": header} if header else None)


def _shape(fault: Fault) -> web.Response:
    if fault.kind == "ratelimit":
        header = str(fault.retry_after) if fault.header is None else fault.header
        return _too_many(header, "ratelimited" if fault.error == "internal_error" else fault.error)
    return web.json_response({"ok": False, "error": fault.error}, status=fault.status or 200)


def _do(world: "World", request: web.Request, method: Method, arguments: Json) -> tuple[Json, str]:
    check_token(world, request, arguments, method)
    installation = world.slack.installation
    needed = installation.missing_scope(method.name, str(arguments.get("channel", "")))
    if needed is not None:
        raise SlackError("missing_scope", needed=needed, provided=",".join(sorted(installation.scopes or ())))
    check_required(arguments, method)
    note = check_pace(world, method, arguments)
    answer = method.act(Call(world=world, arguments=arguments, request=request))
    return {"ok": True, **answer}, note


async def _answer(world: "World", request: web.Request, name: str) -> web.Response:
    """Answer one call and log it."""
    arguments: Json = {}
    method = METHODS.get(name)
    if method is None:
        world.record("slack", "in", name, arguments, "unknown_method")
        return web.json_response(SlackError("unknown_method", req_method=name).as_json())
    try:
        arguments = await read_arguments(request, takes_json=method.takes_json)
        body, note = _do(world, request, method, arguments)
        if name.startswith(_NOTICED) and name != "chat.getPermalink":
            world.slack.app_acts += 1
        world.record("slack", "in", name, arguments, "ok", note)
        return web.json_response(body)
    except RateLimited as limit:
        world.record("slack", "in", name, arguments, "ratelimited", str(limit))
        return _too_many(str(limit.seconds))
    except SlackError as error:
        world.record("slack", "in", name, arguments, error.code, "; ".join(error.messages))
        return web.json_response(error.as_json())


def routes(world: "World") -> list[web.RouteDef]:
    """The Web API's routes."""

    async def call(request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        fault = world.faults.take("slack", name)
        if fault is not None:
            arguments: dict[str, Any] = {}
            # A broken body is the business of the call itself; the log of a fault may do without it.
            with contextlib.suppress(SlackError):
                arguments = await read_arguments(request, takes_json=True)
            world.record("slack", "in", name, arguments, f"fault:{fault.kind}")
        return await answer_with_fault(request, fault, lambda: _answer(world, request, name), _shape)

    address = "/slack/api/{method}"
    return [web.post(address, call), web.get(address, call)]
