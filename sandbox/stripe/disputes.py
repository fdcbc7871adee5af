"""What the methods of disputes do."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.stripe.errors import Malformed
from sandbox.stripe.objects import Json, dispute_json
from sandbox.stripe.paging import paged
from sandbox.stripe.refunds import merged
from sandbox.stripe.state import State


def get_dispute(state: State, ids: Mapping[str, str], _params: Json, _request: Json) -> Json:
    """One dispute."""
    return dispute_json(*state.dispute(ids["id"]), state.unix())


def list_disputes(state: State, _ids: Mapping[str, str], params: Json, _request: Json) -> Json:
    """Those of one payment intent or charge, or all."""
    intent, charge = params.get("payment_intent"), params.get("charge")
    found = (
        dispute_json(payment, dispute, state.unix())
        for payment, dispute in state.disputes()
        if intent in (None, payment.id) and charge in (None, payment.charge)
    )
    return paged("/v1/disputes", found, params)


def update_dispute(state: State, ids: Mapping[str, str], params: Json, request: Json) -> Json:
    """Evidence is added, and submitted unless it is only staged."""
    payment, dispute = state.dispute(ids["id"])
    if dispute.submissions or dispute.status in ("won", "lost"):
        raise Malformed("This dispute has already been submitted or closed; its evidence cannot be changed.")
    before = {"status": dispute.status}
    dispute.evidence |= params.get("evidence", {})
    dispute.metadata = merged(dispute.metadata, params.get("metadata"))
    # as at Stripe: evidence is sent to the bank at once unless submit=false stages it
    if params.get("submit", "evidence" in params):
        dispute.submissions, dispute.status = 1, "under_review"
    state.tell_dispute(payment, "charge.dispute.updated", request, before)
    return dispute_json(payment, dispute, state.unix())


def close_dispute(state: State, ids: Mapping[str, str], _params: Json, request: Json) -> Json:
    """It is given up: lost."""
    dispute = state.close_dispute(ids["id"], "lost", request)
    payment, _ = state.dispute(dispute.id)
    return dispute_json(payment, dispute, state.unix())
