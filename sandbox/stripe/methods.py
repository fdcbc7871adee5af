"""Stripe's API methods: each takes the checked parameters and gives the object's JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sandbox.stripe import form
from sandbox.stripe.errors import Malformed
from sandbox.stripe.form import PAGE, Reader
from sandbox.stripe.objects import (
    Json,
    Payment,
    account_json,
    charge_json,
    dispute_json,
    intent_json,
    refund_json,
)
from sandbox.stripe.state import State

#: (state, ids in the address, parameters, {"id", "idempotency_key"} of the request) -> JSON
Act = Callable[[State, Mapping[str, str], Json, Json], Json]


@dataclass(frozen=True, kw_only=True)
class Method:
    """One method: its address, its parameters, what it does. ``name`` is the one of the call log and of faults."""

    name: str
    verb: str
    path: str
    act: Act
    takes: Mapping[str, Reader] = field(default_factory=dict)


_EXPAND: Mapping[str, Reader] = {"expand": form.strings}
_REASONS = form.one_of("duplicate", "fraudulent", "requested_by_customer")
#: what real calls send and what changes nothing here
_IGNORED: Mapping[str, Reader] = {
    "allowed_payment_method_types": form.strings,
    "automatic_payment_methods": form.mapping,
    "capture_method": form.text,
    "confirmation_method": form.text,
    "customer": form.text,
    "off_session": form.boolean,
    "payment_method_options": form.mapping,
    "return_url": form.text,
    "setup_future_usage": form.text,
    "shipping": form.mapping,
    "statement_descriptor": form.text,
    "statement_descriptor_suffix": form.text,
}


def paged(url: str, found: Iterable[Json], params: Json) -> Json:
    """A page of a list that is newest first; ``limit`` 1 to 100, 10 if not given."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise Malformed(
            f"This value must be {'greater' if limit < 1 else 'less'} than or equal to {1 if limit < 1 else 100}.",
            code="parameter_invalid_integer",
            param="limit",
        )
    rows = [row for row in found if _within(row["created"], params.get("created", {}))]
    ids = [row["id"] for row in rows]
    if "starting_after" in params:
        first = _place(ids, params["starting_after"], "starting_after") + 1
        page, more = rows[first : first + limit], len(rows) > first + limit
    elif "ending_before" in params:
        last = _place(ids, params["ending_before"], "ending_before")
        page, more = rows[max(0, last - limit) : last], last > limit
    else:
        page, more = rows[:limit], len(rows) > limit
    return {"object": "list", "data": page, "has_more": more, "url": url}


def _within(created: int, bounds: Mapping[str, int]) -> bool:
    tests = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
    return all(tests[bound](created, value) for bound, value in bounds.items())


def _place(ids: list[str], id_: str, param: str) -> int:
    if id_ not in ids:
        raise Malformed(f"No such object: '{id_}'", code="resource_missing", param=param)
    return ids.index(id_)


# -- payment intents


def _get_intent(state: State, ids: Mapping[str, str], params: Json, _request: Json) -> Json:
    del params
    return intent_json(state.payment(ids["id"]))


def _list_intents(state: State, _ids: Mapping[str, str], params: Json, _request: Json) -> Json:
    newest = sorted(state.payments.values(), key=lambda payment: payment.created, reverse=True)
    return paged("/v1/payment_intents", (intent_json(payment) for payment in newest), params)


def _create_intent(state: State, _ids: Mapping[str, str], params: Json, request: Json) -> Json:
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


def _confirm_intent(state: State, ids: Mapping[str, str], params: Json, request: Json) -> Json:
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


# -- charges


def _get_charge(state: State, ids: Mapping[str, str], _params: Json, _request: Json) -> Json:
    return charge_json(state.charged(ids["id"]))


def _list_charges(state: State, _ids: Mapping[str, str], params: Json, _request: Json) -> Json:
    wanted = params.get("payment_intent")
    found = [p for p in state.payments.values() if p.charge and wanted in (None, p.id)]
    newest = sorted(found, key=lambda payment: payment.created, reverse=True)
    return paged("/v1/charges", (charge_json(payment) for payment in newest), params)


# -- refunds


def _create_refund(state: State, _ids: Mapping[str, str], params: Json, request: Json) -> Json:
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


def _get_refund(state: State, ids: Mapping[str, str], _params: Json, _request: Json) -> Json:
    return refund_json(*state.refund(ids["id"]))


def _list_refunds(state: State, _ids: Mapping[str, str], params: Json, _request: Json) -> Json:
    intent, charge = params.get("payment_intent"), params.get("charge")
    found = (
        refund_json(payment, refund)
        for payment, refund in state.refunds()
        if intent in (None, payment.id) and charge in (None, payment.charge)
    )
    return paged("/v1/refunds", found, params)


def _update_refund(state: State, ids: Mapping[str, str], params: Json, request: Json) -> Json:
    payment, refund = state.refund(ids["id"])
    before = {"metadata": dict(refund.metadata)}
    refund.metadata = merged(refund.metadata, params.get("metadata"))
    found = refund_json(payment, refund)
    state.webhooks.emit("refund.updated", found, request, before)
    return found


def _cancel_refund(state: State, ids: Mapping[str, str], _params: Json, _request: Json) -> Json:
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


# -- disputes


def _get_dispute(state: State, ids: Mapping[str, str], _params: Json, _request: Json) -> Json:
    return dispute_json(*state.dispute(ids["id"]), state.unix())


def _list_disputes(state: State, _ids: Mapping[str, str], params: Json, _request: Json) -> Json:
    intent, charge = params.get("payment_intent"), params.get("charge")
    found = (
        dispute_json(payment, dispute, state.unix())
        for payment, dispute in state.disputes()
        if intent in (None, payment.id) and charge in (None, payment.charge)
    )
    return paged("/v1/disputes", found, params)


def _update_dispute(state: State, ids: Mapping[str, str], params: Json, request: Json) -> Json:
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


def _close_dispute(state: State, ids: Mapping[str, str], _params: Json, request: Json) -> Json:
    dispute = state.close_dispute(ids["id"], "lost", request)
    payment, _ = state.dispute(dispute.id)
    return dispute_json(payment, dispute, state.unix())


# -- the rest


def _get_event(state: State, ids: Mapping[str, str], _params: Json, _request: Json) -> Json:
    for event in state.webhooks.events:
        if event["id"] == ids["id"]:
            return event
    raise Malformed(f"No such event: '{ids['id']}'", code="resource_missing", param="id")


def _list_events(state: State, _ids: Mapping[str, str], params: Json, _request: Json) -> Json:
    kinds = params.get("types") or ([params["type"]] if "type" in params else None)
    found = (event for event in reversed(state.webhooks.events) if kinds is None or _kind_fits(event["type"], kinds))
    return paged("/v1/events", found, params)


def _kind_fits(kind: str, wanted: list[str]) -> bool:
    return any(kind == one or (one.endswith("*") and kind.startswith(one[:-1])) for one in wanted)


def _balance(state: State, _ids: Mapping[str, str], _params: Json, _request: Json) -> Json:
    amount = sum(payment.left for payment in state.payments.values())
    held = sum(payment.dispute.amount for payment in state.payments.values() if payment.dispute)
    available = {"amount": amount - held, "currency": "eur", "source_types": {"card": amount - held}}
    pending = {"amount": 0, "currency": "eur", "source_types": {"card": 0}}
    return {"object": "balance", "available": [available], "livemode": False, "pending": [pending]}


def _account(state: State, _ids: Mapping[str, str], _params: Json, _request: Json) -> Json:
    oldest = min((payment.created for payment in state.payments.values()), default=0)
    return account_json(oldest)


def _get(name: str, path: str, act: Act, **takes: Reader) -> Method:
    return Method(name=name, verb="GET", path=path, act=act, takes={**_EXPAND, **takes})


def _post(name: str, path: str, act: Act, **takes: Reader) -> Method:
    return Method(name=name, verb="POST", path=path, act=act, takes={**_EXPAND, **takes})


def _all(name: str, path: str, act: Act, **takes: Reader) -> Method:
    return Method(name=name, verb="GET", path=path, act=act, takes={**PAGE, **takes})


METHODS: tuple[Method, ...] = (
    _get("payment_intents.retrieve", "/v1/payment_intents/{id}", _get_intent, client_secret=form.text),
    _all("payment_intents.list", "/v1/payment_intents", _list_intents, customer=form.text),
    _post(
        "payment_intents.create",
        "/v1/payment_intents",
        _create_intent,
        **{
            **_IGNORED,
            "amount": form.positive,
            "currency": form.text,
            "confirm": form.boolean,
            "payment_method": form.text,
            "description": form.text,
            "receipt_email": form.text,
            "metadata": form.metadata,
        },
    ),
    _post(
        "payment_intents.confirm",
        "/v1/payment_intents/{id}/confirm",
        _confirm_intent,
        payment_method=form.text,
        return_url=form.text,
        off_session=form.boolean,
    ),
    _get("charges.retrieve", "/v1/charges/{id}", _get_charge),
    _all("charges.list", "/v1/charges", _list_charges, payment_intent=form.text, customer=form.text),
    _post(
        "refunds.create",
        "/v1/refunds",
        _create_refund,
        amount=form.positive,
        charge=form.text,
        currency=form.text,
        instructions_email=form.text,
        metadata=form.metadata,
        payment_intent=form.text,
        reason=_REASONS,
        refund_application_fee=form.boolean,
        reverse_transfer=form.boolean,
    ),
    _get("refunds.retrieve", "/v1/refunds/{id}", _get_refund),
    _all("refunds.list", "/v1/refunds", _list_refunds, payment_intent=form.text, charge=form.text),
    _post("refunds.update", "/v1/refunds/{id}", _update_refund, metadata=form.metadata),
    _post("refunds.cancel", "/v1/refunds/{id}/cancel", _cancel_refund),
    _get("disputes.retrieve", "/v1/disputes/{id}", _get_dispute),
    _all("disputes.list", "/v1/disputes", _list_disputes, payment_intent=form.text, charge=form.text),
    _post(
        "disputes.update",
        "/v1/disputes/{id}",
        _update_dispute,
        evidence=form.mapping,
        metadata=form.metadata,
        submit=form.boolean,
    ),
    _post("disputes.close", "/v1/disputes/{id}/close", _close_dispute),
    _get("events.retrieve", "/v1/events/{id}", _get_event),
    _all(
        "events.list", "/v1/events", _list_events, type=form.text, types=form.strings, delivery_success=form.boolean
    ),
    _get("balance.retrieve", "/v1/balance", _balance),
    _get("accounts.retrieve_current", "/v1/account", _account),
)
