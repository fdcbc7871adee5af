"""What the methods of refunds do."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.stripe.errors import Malformed
from sandbox.stripe.objects import Json, refund_json
from sandbox.stripe.paging import paged
from sandbox.stripe.state import State


def create_refund(state: State, _ids: Mapping[str, str], params: Json, request: Json) -> Json:
    """Money goes back, of a payment intent or a charge."""
    if "payment_intent" in params:
        payment = state.payment(params["payment_intent"], "payment_intent")
        if params.get("charge") not in (None, payment.charge):
            raise Malformed("The charge and payment_intent parameters do not belong together.", param="charge")
    elif "charge" in params:
        payment = state.charged(params["charge"], "charge")
    else:
        raise Malformed(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    refund = state.give_back(payment, params.get("amount"), params.get("reason"), params.get("metadata", {}), request)
    return refund_json(payment, refund)


def get_refund(state: State, ids: Mapping[str, str], _params: Json, _request: Json) -> Json:
    """One refund."""
    return refund_json(*state.refund(ids["id"]))


def list_refunds(state: State, _ids: Mapping[str, str], params: Json, _request: Json) -> Json:
    """Those of one payment intent or charge, or all."""
    intent, charge = params.get("payment_intent"), params.get("charge")
    found = (
        refund_json(payment, refund)
        for payment, refund in state.refunds()
        if intent in (None, payment.id) and charge in (None, payment.charge)
    )
    return paged("/v1/refunds", found, params)


def update_refund(state: State, ids: Mapping[str, str], params: Json, request: Json) -> Json:
    """Only its metadata can be changed."""
    payment, refund = state.refund(ids["id"])
    before = {"metadata": dict(refund.metadata)}
    refund.metadata = merged(refund.metadata, params.get("metadata"))
    found = refund_json(payment, refund)
    state.webhooks.emit("refund.updated", found, request, before)
    return found


def cancel_refund(state: State, ids: Mapping[str, str], _params: Json, _request: Json) -> Json:
    """Refused, as for every card."""
    payment, refund = state.refund(ids["id"])
    # only refunds that wait for the customer's action can be taken back; a card's never does
    raise Malformed(
        f"Refund {refund.id} cannot be canceled: its status is {refund.status}, and only refunds in requires_action "
        f"(payment methods other than {payment.currency} cards) can be canceled.",
        code="refund_not_cancelable",
    )


def merged(old: Mapping[str, str], new: Mapping[str, str] | None) -> dict[str, str]:
    """Metadata after an update: an empty value takes its key away, no pairs at all take everything away."""
    if new is None:
        return dict(old)
    if not new:
        return {}
    return {key: value for key, value in {**old, **new}.items() if value != ""}
