"""What the page and tests may see and do at the sandbox's Stripe: ``/control/stripe``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.stripe.errors import Refusal
from sandbox.stripe.objects import Json, charge_json, dispute_json, refund_json

if TYPE_CHECKING:
    from sandbox.world import World

Act = Callable[["World", web.Request], Awaitable[Json]]
#: refunds shown at most
SHOWN = 50


def control_routes(world: World) -> list[web.RouteDef]:
    """The control API of Stripe; errors are 400 with one sentence."""
    return [
        web.get("/control/stripe", _guarded(world, _show)),
        web.post("/control/stripe/settle", _guarded(world, _settle)),
        web.post("/control/stripe/dispute", _guarded(world, _dispute)),
        web.post("/control/stripe/pending", _guarded(world, _pending)),
    ]


def _guarded(world: World, act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        await world.stripe.load()
        try:
            return web.json_response(await act(world, request))
        except Refusal as refusal:
            return web.json_response({"error": refusal.message}, status=400)
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            return web.json_response(
                {"error": f"The body must be JSON with the fields that are needed: {error}"}, status=400
            )

    return handle


async def _show(world: World, request: web.Request) -> Json:
    """The newest refunds, all disputes, and with ``?payment=pi_...`` that charge."""
    state = world.stripe
    found: Json = {
        "refunds": [refund_json(payment, refund) for payment, refund in islice(state.refunds(), SHOWN)],
        "disputes": [dispute_json(payment, dispute, state.unix()) for payment, dispute in state.disputes()],
        "events": list(reversed(state.webhooks.events[-SHOWN:])),
        "undelivered": state.webhooks.undelivered,
        "refunds_pend": state.refunds_pend,
    }
    if intent := request.query.get("payment"):
        payment = state.payment(intent)
        rows = [refund_json(payment, refund) for refund in payment.refunds]
        found["payment"] = {**charge_json(payment), "refunds": rows}
    return found


async def _settle(world: World, request: web.Request) -> Json:
    """``{"refund": "re_...", "status": "succeeded" | "failed"}``."""
    asked: dict[str, Any] = await request.json()
    status = asked.get("status", "failed")
    if status not in ("succeeded", "failed"):
        raise Refusal("status must be succeeded or failed.")
    refund = world.stripe.settle(asked["refund"], status)
    await world.quiet(0.15, 3)
    payment, _ = world.stripe.refund(refund.id)
    return {"ok": True, "refund": refund_json(payment, refund)}


async def _dispute(world: World, request: web.Request) -> Json:
    """``{"payment": "pi_...", "reason"?}`` opens one, ``{"dispute": "dp_...", "status": "won" | "lost"}`` closes it."""
    asked: dict[str, Any] = await request.json()
    state = world.stripe
    if "dispute" in asked:
        status = asked.get("status", "lost")
        if status not in ("won", "lost"):
            raise Refusal("status must be won or lost.")
        dispute = state.close_dispute(asked["dispute"], status)
    else:
        dispute = state.open_dispute(state.payment(asked["payment"]), asked.get("reason", "product_not_received"))
    payment, _ = state.dispute(dispute.id)
    await world.quiet(0.15, 3)
    return {"ok": True, "dispute": dispute_json(payment, dispute, state.unix())}


async def _pending(world: World, request: web.Request) -> Json:
    """``{"pending": true}``: refunds made from now on begin as pending and settle a minute later."""
    asked: dict[str, Any] = await request.json()
    world.stripe.refunds_pend = bool(asked["pending"])
    return {"ok": True, "pending": world.stripe.refunds_pend}
