"""What the methods of payment intents and of their charges do."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.stripe.errors import Malformed
from sandbox.stripe.objects import Json, Payment, charge_json, intent_json
from sandbox.stripe.paging import paged
from sandbox.stripe.state import State


def get_intent(state: State, ids: Mapping[str, str], params: Json, _request: Json) -> Json:
    """One payment intent."""
    del params
    return intent_json(state.payment(ids["id"]))


def list_intents(state: State, _ids: Mapping[str, str], params: Json, _request: Json) -> Json:
    """Those of all customers."""
    newest = sorted(state.payments.values(), key=lambda payment: payment.created, reverse=True)
    return paged("/v1/payment_intents", (intent_json(payment) for payment in newest), params)


def create_intent(state: State, _ids: Mapping[str, str], params: Json, request: Json) -> Json:
    """A new one, confirmed at once if that is asked for."""
    for name in ("amount", "currency"):
        if name not in params:
            raise Malformed(f"Missing required param: {name}.", code="parameter_missing", param=name)
    if params["amount"] < 50:
        raise Malformed("Amount must be at least €0.50 eur", code="amount_too_small", param="amount")
    method = params.get("payment_method")
    payment = Payment(
        id=state.new_id("pi"),
        charge=None,
        amount=params["amount"],
        currency=params["currency"].lower(),
        created=int(state.unix()),
        status="requires_confirmation" if method else "requires_payment_method",
        payment_method=method or "",
        description=params.get("description"),
        email=params.get("receipt_email"),
        metadata=params.get("metadata", {}),
    )
    state.add(payment, request)
    if params.get("confirm"):
        return _confirmed(state, payment, request)
    return intent_json(payment)


def confirm_intent(state: State, ids: Mapping[str, str], params: Json, request: Json) -> Json:
    """The customer's card is charged."""
    payment = state.payment(ids["id"])
    payment.payment_method = params.get("payment_method") or payment.payment_method
    return _confirmed(state, payment, request)


def _confirmed(state: State, payment: Payment, request: Json) -> Json:
    if not payment.payment_method:
        raise Malformed(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
        )
    state.pay(payment, request)
    return intent_json(payment)


def get_charge(state: State, ids: Mapping[str, str], _params: Json, _request: Json) -> Json:
    """One charge."""
    return charge_json(state.charged(ids["id"]))


def list_charges(state: State, _ids: Mapping[str, str], params: Json, _request: Json) -> Json:
    """Those of one payment intent, or all."""
    wanted = params.get("payment_intent")
    found = [p for p in state.payments.values() if p.charge and wanted in (None, p.id)]
    newest = sorted(found, key=lambda payment: payment.created, reverse=True)
    return paged("/v1/charges", (charge_json(payment) for payment in newest), params)
