"""Stripe's API methods: each takes the checked parameters and gives the object's JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sandbox.stripe import charges, disputes, form, refunds
from sandbox.stripe.errors import Malformed
from sandbox.stripe.form import PAGE, Reader
from sandbox.stripe.objects import Json, account_json
from sandbox.stripe.paging import paged
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
    _get("payment_intents.retrieve", "/v1/payment_intents/{id}", charges.get_intent, client_secret=form.text),
    _all("payment_intents.list", "/v1/payment_intents", charges.list_intents, customer=form.text),
    _post(
        "payment_intents.create",
        "/v1/payment_intents",
        charges.create_intent,
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
        charges.confirm_intent,
        payment_method=form.text,
        return_url=form.text,
        off_session=form.boolean,
    ),
    _get("charges.retrieve", "/v1/charges/{id}", charges.get_charge),
    _all("charges.list", "/v1/charges", charges.list_charges, payment_intent=form.text, customer=form.text),
    _post(
        "refunds.create",
        "/v1/refunds",
        refunds.create_refund,
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
    _get("refunds.retrieve", "/v1/refunds/{id}", refunds.get_refund),
    _all("refunds.list", "/v1/refunds", refunds.list_refunds, payment_intent=form.text, charge=form.text),
    _post("refunds.update", "/v1/refunds/{id}", refunds.update_refund, metadata=form.metadata),
    _post("refunds.cancel", "/v1/refunds/{id}/cancel", refunds.cancel_refund),
    _get("disputes.retrieve", "/v1/disputes/{id}", disputes.get_dispute),
    _all("disputes.list", "/v1/disputes", disputes.list_disputes, payment_intent=form.text, charge=form.text),
    _post(
        "disputes.update",
        "/v1/disputes/{id}",
        disputes.update_dispute,
        evidence=form.mapping,
        metadata=form.metadata,
        submit=form.boolean,
    ),
    _post("disputes.close", "/v1/disputes/{id}/close", disputes.close_dispute),
    _get("events.retrieve", "/v1/events/{id}", _get_event),
    _all(
        "events.list", "/v1/events", _list_events, type=form.text, types=form.strings, delivery_success=form.boolean
    ),
    _get("balance.retrieve", "/v1/balance", _balance),
    _get("accounts.retrieve_current", "/v1/account", _account),
)
