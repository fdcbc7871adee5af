"""Stripe's HTTP: keys, versions, rate limits, idempotency, and one handler for every method."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.faults import Fault, answer_with_fault
from sandbox.stripe import expand, form
from sandbox.stripe.errors import Malformed, Missing, Refusal, TooMany, Unauthorized
from sandbox.stripe.idempotency import Answer
from sandbox.stripe.methods import METHODS, Method
from sandbox.stripe.objects import API_VERSION, Json

if TYPE_CHECKING:
    from sandbox.world import World

BASE = "/stripe"
#: requests a second in a sandbox account. Source: docs.stripe.com/rate-limits, read 2026-11-23
RATE = 25
#: real seconds that carrying out a request takes, so that two can meet
WORK_SECONDS = 0.02
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?(;.*)?")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """The API as one world offers it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._recent: deque[float] = deque()

    def handler(self, method: Method) -> Handler:
        """The aiohttp handler of a method."""

        async def handle(request: web.Request) -> web.StreamResponse:
            fault = self._world.faults.take("stripe", method.name)
            return await answer_with_fault(
                request, fault, lambda: self._answer(request, method), lambda fault: self._faulty(method, fault)
            )

        return handle

    async def unknown(self, request: web.Request) -> web.Response:
        """Any other address."""
        address = request.path.removeprefix(BASE)
        refusal = Missing(
            f"Unrecognized request URL ({request.method}: {address}). Please see https://stripe.com/docs or we can "
            "help at https://support.stripe.com/."
        )
        return self._refused(refusal, address, {}, self._request_id())

    async def _answer(self, request: web.Request, method: Method) -> web.Response:
        request_id = self._request_id()
        params: Json = {}
        try:
            self._authorise(request)
            self._within_rate()
            await self._world.stripe.load()
            self._version(request)
            raw = (
                request.query_string if request.method == "GET" else (await request.read()).decode("utf-8", "replace")
            )
            params = form.decode(raw)
            answer, replayed = await self._once(request, method, params, request_id)
        except Refusal as refusal:
            return self._refused(refusal, method.name, params, request_id)
        verdict = (
            "ok" if answer.status < 400 else str(answer.body["error"].get("code") or answer.body["error"]["type"])
        )
        self._world.record(
            "stripe", "in", method.name, {**request.match_info, **params}, verdict, "replayed" if replayed else ""
        )
        headers = {"Idempotent-Replayed": "true", "Original-Request": answer.request_id} if replayed else {}
        if key := request.headers.get("Idempotency-Key"):
            headers["Idempotency-Key"] = key
        return self._respond(answer.status, answer.body, request_id, headers)

    async def _once(self, request: web.Request, method: Method, params: Json, request_id: str) -> tuple[Answer, bool]:
        """Carry it out, or give the kept answer of its idempotency key; True if it is a kept one."""
        key, keys = request.headers.get("Idempotency-Key"), self._world.stripe.keys
        if request.method != "POST" or not key:
            return await self._act(request, method, params, request_id), False
        kept = keys.begin(key, request.path.removeprefix(BASE), params, self._world.stripe.unix())
        if kept is not None:
            return kept, True
        try:
            answer = await self._act(request, method, params, request_id)
        except BaseException:
            # not well-formed, or the caller is gone before anything was done
            keys.forget(key)
            raise
        keys.finish(key, answer)
        return answer, False

    async def _act(self, request: web.Request, method: Method, params: Json, request_id: str) -> Answer:
        read = form.check(params, method.takes)
        wanted = read.pop("expand", [])
        expand.check(method.name, wanted)
        await asyncio.sleep(WORK_SECONDS)
        origin: Json = {"id": request_id, "idempotency_key": request.headers.get("Idempotency-Key")}
        state = self._world.stripe
        try:
            found = expand.expanded(state, method.act(state, request.match_info, read, origin), wanted)
        except Refusal as refusal:
            if not refusal.kept:
                raise
            return Answer(status=refusal.status, body=refusal.as_json(_log(request_id)), request_id=request_id)
        return Answer(status=200, body=json.loads(json.dumps(found)), request_id=request_id)

    def _authorise(self, request: web.Request) -> None:
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        key = rest.strip()
        if scheme.lower() == "basic":
            try:
                key = base64.b64decode(rest, validate=True).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                key = ""
        if not key:
            raise Unauthorized(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
                "https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/."
            )
        if key != self._world.settings.stripe_key:
            raise Unauthorized(f"Invalid API Key provided: {key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:]}")

    def _within_rate(self) -> None:
        now = self._world.clock.now().timestamp()
        while self._recent and not 0 <= now - self._recent[0] < 1:  # a reset takes the time back
            self._recent.popleft()
        if len(self._recent) < RATE:
            self._recent.append(now)
        elif self._world.settings.enforce_rate_limits:
            raise _too_many()
        else:
            self._world.record("stripe", "in", "rate limit", {}, "rate_limit", "let through: limits only warn")

    @staticmethod
    def _version(request: web.Request) -> None:
        asked = request.headers.get("Stripe-Version", API_VERSION)
        if not _VERSION.fullmatch(asked):
            raise Malformed(f"Invalid Stripe API version: {asked}. Are you sure you meant this version?")

    def _faulty(self, method: Method, fault: Fault) -> web.Response:
        if fault.kind == "ratelimit":
            return self._refused(_too_many(), method.name, {}, self._request_id())
        refusal = Refusal(f"{fault.error} (asked for by a fault of the sandbox)", code=fault.error)
        refusal.status = fault.status or 400
        if refusal.status >= 500:
            refusal.kind = "api_error"
        return self._refused(refusal, method.name, {}, self._request_id())

    def _refused(self, refusal: Refusal, name: str, params: Json, request_id: str) -> web.Response:
        self._world.record("stripe", "in", name, params, refusal.code or refusal.kind, refusal.message)
        headers: dict[str, str] = {}
        if refusal.status in (409, 429):
            headers["Stripe-Should-Retry"] = "true"
        if refusal.status == 429:
            headers["Stripe-Rate-Limited-Reason"] = "global-rate"
        if refusal.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="Stripe"'
        return self._respond(refusal.status, refusal.as_json(_log(request_id)), request_id, headers)

    def _request_id(self) -> str:
        return "req_" + self._world.stripe.new_id("req")[4:18]

    @staticmethod
    def _respond(status: int, body: Json, request_id: str, headers: dict[str, str]) -> web.Response:
        text = json.dumps(body, indent=2)
        standard = {"Request-Id": request_id, "Stripe-Version": API_VERSION, "Cache-Control": "no-cache, no-store"}
        return web.Response(status=status, text=text, content_type="application/json", headers=standard | headers)


def _too_many() -> TooMany:
    return TooMany(
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        code="rate_limit",
    )


def _log(request_id: str) -> str:
    return f"https://dashboard.stripe.com/test/logs/{request_id}"


def routes(world: World) -> list[web.RouteDef]:
    """Stripe's API under ``/stripe/v1``."""
    api = Api(world)
    known = [web.route(method.verb, BASE + method.path, api.handler(method)) for method in METHODS]
    return [*known, web.route("*", BASE + "/{rest:.*}", api.unknown)]
