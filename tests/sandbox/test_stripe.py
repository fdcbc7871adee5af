"""The sandbox's Stripe, driven by the real stripe library over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import inspect
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import stripe
from hypothesis import given
from hypothesis import strategies as st

from sandbox.server import running
from sandbox.stripe import form
from sandbox.stripe.errors import Malformed
from sandbox.stripe.methods import METHODS
from sandbox.stripe.objects import Payment, charge_json, intent_json
from sandbox.world import Settings, World
from tests.sandbox.shop_stand import App, an_app
from tests.sandbox.slack_stand import stand_still
from tests.waiting import until

START = datetime.fromisoformat("2026-11-23T09:05:00+01:00")
MARIA = "1042"
PAID = 9540
FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures" / "stripe-openapi" / "openapi" / "fixtures3.json"


@dataclass
class Desk:
    """A running sandbox, the app beside it, and Stripe's own library pointed at it."""

    world: World
    app: App
    client: stripe.StripeClient
    http: aiohttp.ClientSession

    @property
    def maria(self) -> Payment:
        return next(p for p in self.world.stripe.payments.values() if p.metadata["order"] == MARIA)

    async def raw(self, verb: str, path: str, body: str | None = None, **headers: str) -> tuple[int, dict[str, Any], Any]:
        """Without the library: status, body, headers."""
        standard = {"Authorization": f"Bearer {self.world.settings.stripe_key}"}
        if body is not None:
            standard["Content-Type"] = "application/x-www-form-urlencoded"
        address = f"{self.world.address}/stripe/v1/{path}"
        async with self.http.request(verb, address, data=body, headers=standard | headers) as answer:
            return answer.status, await answer.json(), answer.headers

    async def control(self, path: str, **asked: Any) -> dict[str, Any]:
        async with self.http.post(f"{self.world.address}/control/{path}", json=asked) as answer:
            found: dict[str, Any] = await answer.json()
            return found


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Desk]:
    async with an_app() as app, running(Settings(start=START, app=app.address, app_seconds=60.0)) as world, aiohttp.ClientSession() as http:
        library = stripe.AIOHTTPClient(timeout=60)
        client = stripe.StripeClient(
            world.settings.stripe_key,
            base_addresses={"api": f"{world.address}/stripe"},
            http_client=library,
            max_network_retries=0,
        )
        await world.stripe.load()
        yield Desk(world=world, app=app, client=client, http=http)
        await library.close_async()  # type: ignore[no-untyped-call]


async def test_a_refund_takes_its_part_of_the_charge(desk: Desk) -> None:
    refund = await desk.client.v1.refunds.create_async(
        {"payment_intent": desk.maria.id, "amount": 3800, "reason": "requested_by_customer", "metadata": {"intent_id": "r1"}},
        {"idempotency_key": "r1"},
    )
    assert (refund.status, refund.amount, refund.currency) == ("succeeded", 3800, "eur")
    assert refund.metadata is not None
    assert refund.metadata["intent_id"] == "r1"
    charge = await desk.client.v1.charges.retrieve_async(str(refund.charge))
    assert (charge.amount_refunded, charge.refunded, charge.captured) == (3800, False, True)
    intent = await desk.client.v1.payment_intents.retrieve_async(desk.maria.id, {"expand": ["latest_charge.refunds"]})
    latest = intent.latest_charge
    assert isinstance(latest, stripe.Charge)
    assert latest.refunds is not None
    assert [one.id for one in latest.refunds.data] == [refund.id]


async def test_without_an_amount_all_that_is_left_goes_back(desk: Desk) -> None:
    await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id, "amount": 1000})
    rest = await desk.client.v1.refunds.create_async({"charge": str(desk.maria.charge)})
    assert rest.amount == PAID - 1000
    charge = await desk.client.v1.charges.retrieve_async(str(desk.maria.charge))
    assert charge.refunded is True


async def test_more_than_is_left_is_refused_in_stripes_words(desk: Desk) -> None:
    await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id, "amount": 9000})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id, "amount": 1000})
    assert refused.value.user_message == (
        "Refund amount (€10.00) is greater than unrefunded amount on charge (€5.40)"
    )
    assert refused.value.param == "amount"
    await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id})
    with pytest.raises(stripe.InvalidRequestError) as again:
        await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id})
    assert again.value.code == "charge_already_refunded"


async def test_the_same_key_gives_the_same_answer_and_one_refund(desk: Desk) -> None:
    body = f"payment_intent={desk.maria.id}&amount=1900"
    headers = {"Idempotency-Key": "intent-7"}
    status, first, first_headers = await desk.raw("POST", "refunds", body, **headers)
    again_status, again, again_headers = await desk.raw("POST", "refunds", body, **headers)
    assert (status, again_status) == (200, 200)
    assert first == again
    assert "Idempotent-Replayed" not in first_headers
    assert again_headers["Idempotent-Replayed"] == "true"
    assert again_headers["Original-Request"] == first_headers["Request-Id"]
    assert desk.maria.refunded == 1900


@pytest.mark.parametrize(
    ("path", "body"),
    [("refunds", "amount=1901"), ("refunds", "amount=1900&metadata[a]=b"), ("payment_intents", "amount=1900")],
)
async def test_a_key_with_other_parameters_or_address_is_refused(desk: Desk, path: str, body: str) -> None:
    intent = f"payment_intent={desk.maria.id}&"
    await desk.raw("POST", "refunds", intent + "amount=1900", **{"Idempotency-Key": "k"})
    prefix = intent if path == "refunds" else ""
    status, refused, _ = await desk.raw("POST", path, prefix + body, **{"Idempotency-Key": "k"})
    assert (status, refused["error"]["type"]) == (400, "idempotency_error")
    assert desk.maria.refunded == 1900


async def test_refusals_that_were_carried_out_are_replayed_but_malformed_ones_free_the_key(desk: Desk) -> None:
    intent = f"payment_intent={desk.maria.id}"
    status, first, _ = await desk.raw("POST", "refunds", f"{intent}&amount=99999", **{"Idempotency-Key": "k1"})
    assert status == 400
    _, again, headers = await desk.raw("POST", "refunds", f"{intent}&amount=99999", **{"Idempotency-Key": "k1"})
    assert headers["Idempotent-Replayed"] == "true"
    assert again == first
    status, _, _ = await desk.raw("POST", "refunds", f"{intent}&amuont=5", **{"Idempotency-Key": "k2"})
    assert status == 400
    status, _, headers = await desk.raw("POST", "refunds", f"{intent}&amount=5", **{"Idempotency-Key": "k2"})
    assert status == 200
    assert "Idempotent-Replayed" not in headers


async def test_two_requests_with_one_key_at_once_make_one_refund(desk: Desk) -> None:
    body = f"payment_intent={desk.maria.id}&amount=100"
    answers = await asyncio.gather(*(desk.raw("POST", "refunds", body, **{"Idempotency-Key": "k"}) for _ in range(4)))
    assert sorted(status for status, _, _ in answers) == [200, 409, 409, 409]
    busy = next(answer for status, answer, _ in answers if status == 409)
    assert (busy["error"]["type"], busy["error"]["code"]) == ("idempotency_error", "idempotency_key_in_use")
    assert desk.maria.refunded == 100


async def test_a_key_is_forgotten_after_a_day_so_that_a_blind_retry_refunds_twice(desk: Desk) -> None:
    body = f"payment_intent={desk.maria.id}&amount=100"
    await desk.raw("POST", "refunds", body, **{"Idempotency-Key": "k"})
    desk.world.clock.advance(24 * 3600 - 60)
    await desk.raw("POST", "refunds", body, **{"Idempotency-Key": "k"})
    assert desk.maria.refunded == 100
    desk.world.clock.advance(120)
    await desk.raw("POST", "refunds", body, **{"Idempotency-Key": "k"})
    assert desk.maria.refunded == 200


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ("payment_intent={pi}&amuont=5", "parameter_unknown", "amuont"),
        ("payment_intent={pi}&amount=0", "parameter_invalid_integer", "amount"),
        ("payment_intent={pi}&amount=-5", "parameter_invalid_integer", "amount"),
        ("payment_intent={pi}&amount=1.5", "parameter_invalid_integer", "amount"),
        ("payment_intent={pi}&amount=", "parameter_invalid_empty", "amount"),
        ("payment_intent={pi}&reason=bored", None, "reason"),
        ("amount=5", "parameter_missing", None),
        ("payment_intent=pi_none&amount=5", "resource_missing", "payment_intent"),
        ("charge=ch_none", "resource_missing", "charge"),
        ("payment_intent={pi}&expand[]=nothing", None, "expand"),
        ("payment_intent={pi}&metadata[" + "k" * 41 + "]=1", None, "metadata"),
        ("payment_intent={pi}&metadata[k]=" + "v" * 501, None, "metadata[k]"),
    ],
)
async def test_what_stripe_would_not_take_is_refused(desk: Desk, body: str, code: str | None, param: str | None) -> None:
    status, refused, headers = await desk.raw("POST", "refunds", body.replace("{pi}", desk.maria.id))
    assert status in (400, 404)
    error = refused["error"]
    assert (error["type"], error.get("code"), error.get("param")) == ("invalid_request_error", code, param)
    assert ("doc_url" in error) == (code is not None)
    assert headers["Request-Id"].startswith("req_")


async def test_a_wrong_expand_is_refused_before_money_moves(desk: Desk) -> None:
    await desk.raw("POST", "refunds", f"payment_intent={desk.maria.id}&expand[]=nothing")
    assert desk.maria.refunded == 0


@pytest.mark.parametrize("header", ["", "Bearer sk_test_wrong", "Basic !!!", "Basic " + base64.b64encode(b"sk_x:").decode()])
async def test_without_the_right_key_nothing_is_told(desk: Desk, header: str) -> None:
    status, refused, _ = await desk.raw("GET", "balance", Authorization=header)
    assert (status, refused["error"]["type"]) == (401, "invalid_request_error")


async def test_basic_authentication_works_as_well(desk: Desk) -> None:
    basic = "Basic " + base64.b64encode(f"{desk.world.settings.stripe_key}:".encode()).decode()
    status, balance, _ = await desk.raw("GET", "balance", Authorization=basic)
    assert (status, balance["object"]) == (200, "balance")


async def test_unknown_addresses_and_versions_are_refused(desk: Desk) -> None:
    status, refused, _ = await desk.raw("GET", "customers")
    assert status == 404
    assert refused["error"]["message"].startswith("Unrecognized request URL (GET: /v1/customers)")
    status, refused, _ = await desk.raw("GET", "balance", **{"Stripe-Version": "yesterday"})
    assert (status, refused["error"]["message"][:26]) == (400, "Invalid Stripe API version")


async def test_more_than_the_rate_is_answered_429(desk: Desk) -> None:
    stand_still(desk.world)
    answers = await asyncio.gather(*(desk.raw("GET", "account") for _ in range(40)))
    refused = [(body, headers) for status, body, headers in answers if status == 429]
    assert refused
    assert refused[0][0]["error"]["code"] == "rate_limit"
    assert refused[0][1]["Stripe-Rate-Limited-Reason"] == "global-rate"


async def test_lists_have_pages_and_the_library_walks_them(desk: Desk) -> None:
    for amount in (10, 20, 30):
        await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id, "amount": amount})
    page = await desk.client.v1.refunds.list_async({"payment_intent": desk.maria.id, "limit": 2})
    assert page.has_more is True
    assert [refund.amount async for refund in page.auto_paging_iter()] == [30, 20, 10]
    back = await desk.client.v1.refunds.list_async(
        {"payment_intent": desk.maria.id, "ending_before": page.data[1].id, "limit": 5}
    )
    assert [refund.amount for refund in back.data] == [30]
    with pytest.raises(stripe.InvalidRequestError):
        await desk.client.v1.refunds.list_async({"limit": 101})


async def test_events_are_signed_so_that_the_library_accepts_them(desk: Desk) -> None:
    await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id, "amount": 500})
    event = await desk.app.until("charge.refunded")
    assert event["data"]["object"]["amount_refunded"] == 500
    assert event["data"]["previous_attributes"] == {"amount_refunded": 0}
    _, body, signature = desk.app.taken[-1]
    secret = desk.world.settings.stripe_webhook_secret
    assert stripe.WebhookSignature.verify_header(body.decode(), signature, secret)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(body.decode() + " ", signature, secret)
    assert desk.app.kinds == ["refund.created", "charge.refunded"]
    listed = await desk.client.v1.events.list_async({"types": ["refund.created"]})
    assert [one.type for one in listed.data] == ["refund.created"]


async def test_an_event_comes_again_until_it_is_accepted(desk: Desk) -> None:
    desk.app.refuse = 2
    await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id, "amount": 500})

    def accepted() -> bool:
        desk.world.clock.advance(30)
        return not desk.world.stripe.webhooks.undelivered

    await until(accepted)
    ids = [json.loads(body)["id"] for _, body, _ in desk.app.taken]
    assert len(ids) == 4
    assert len(set(ids)) == 2


async def test_a_refund_that_fails_later_gives_the_money_back_to_the_charge(desk: Desk) -> None:
    refund = await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id, "amount": 500})
    answer = await desk.control("stripe/settle", refund=refund.id, status="failed")
    assert answer["refund"]["status"] == "failed"
    assert answer["refund"]["failure_reason"] == "expired_or_canceled_card"
    event = await desk.app.until("refund.failed")
    assert event["data"]["object"]["id"] == refund.id
    charge = await desk.client.v1.charges.retrieve_async(str(refund.charge))
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert (await desk.control("stripe/settle", refund=refund.id))["error"] == f"Refund {refund.id} is failed already."


async def test_a_pending_refund_holds_its_amount_and_settles_a_minute_later(desk: Desk) -> None:
    await desk.control("stripe/pending", pending=True)
    refund = await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id, "amount": PAID})
    assert refund.status == "pending"
    with pytest.raises(stripe.InvalidRequestError, match="already been refunded"):
        await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id, "amount": 1})
    desk.world.clock.advance(61)
    event = await desk.app.until("refund.updated")
    assert event["data"]["object"]["status"] == "succeeded"
    assert event["data"]["previous_attributes"] == {"status": "pending"}


async def test_stripes_own_failing_test_card_fails_a_minute_later(desk: Desk) -> None:
    paid = await desk.client.v1.payment_intents.create_async(
        {"amount": 700, "currency": "eur", "confirm": True, "payment_method": "pm_card_refundFail"}
    )
    refund = await desk.client.v1.refunds.create_async({"payment_intent": paid.id})
    assert refund.status == "succeeded"
    desk.world.clock.advance(61)
    assert (await desk.app.until("refund.failed"))["data"]["object"]["id"] == refund.id


async def test_a_card_refund_cannot_be_cancelled(desk: Desk) -> None:
    refund = await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id, "amount": 1})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be canceled"):
        await desk.client.v1.refunds.cancel_async(refund.id)


async def test_a_payment_is_made_confirmed_and_told(desk: Desk) -> None:
    paid = await desk.client.v1.payment_intents.create_async(
        {"amount": 1900, "currency": "EUR", "confirm": True, "payment_method": "pm_card_visa", "metadata": {"order": "7"}}
    )
    assert (paid.status, paid.amount_received, paid.currency) == ("succeeded", 1900, "eur")
    assert (await desk.app.until("payment_intent.succeeded"))["data"]["object"]["id"] == paid.id
    with pytest.raises(stripe.CardError) as declined:
        await desk.client.v1.payment_intents.create_async(
            {"amount": 1900, "currency": "eur", "confirm": True, "payment_method": "pm_card_chargeDeclined"}
        )
    assert (declined.value.http_status, declined.value.code) == (402, "card_declined")


async def test_a_payment_that_was_not_confirmed_has_nothing_to_refund(desk: Desk) -> None:
    open_ = await desk.client.v1.payment_intents.create_async({"amount": 1900, "currency": "eur"})
    assert open_.status == "requires_payment_method"
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        await desk.client.v1.refunds.create_async({"payment_intent": open_.id})
    confirmed = await desk.client.v1.payment_intents.confirm_async(open_.id, {"payment_method": "pm_card_visa"})
    assert confirmed.status == "succeeded"


async def test_a_disputed_charge_is_not_refunded_and_evidence_is_submitted_once(desk: Desk) -> None:
    opened = await desk.control("stripe/dispute", payment=desk.maria.id)
    dispute = await desk.client.v1.disputes.retrieve_async(opened["dispute"]["id"])
    assert (dispute.status, dispute.amount, dispute.is_charge_refundable) == ("needs_response", PAID, False)
    assert (await desk.app.until("charge.dispute.created"))["data"]["object"]["charge"] == desk.maria.charge
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id, "amount": 1})
    assert refused.value.code == "charge_disputed"
    staged = await desk.client.v1.disputes.update_async(dispute.id, {"evidence": {"receipt": "f_1"}, "submit": False})
    assert staged.status == "needs_response"
    sent = await desk.client.v1.disputes.update_async(dispute.id, {"submit": True})
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    with pytest.raises(stripe.InvalidRequestError):
        await desk.client.v1.disputes.update_async(dispute.id, {"evidence": {"receipt": "f_2"}})
    await desk.control("stripe/dispute", dispute=dispute.id, status="won")
    assert (await desk.app.until("charge.dispute.closed"))["data"]["object"]["status"] == "won"
    assert (await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id, "amount": 1})).amount == 1


async def test_faults_happen_as_asked(desk: Desk) -> None:
    faults = [{"method": "refunds.create", "kind": "ratelimit"}, {"method": "refunds.create", "kind": "reset_after"}]
    await desk.control("faults", stripe=faults)
    params: Any = {"payment_intent": desk.maria.id, "amount": 100}
    with pytest.raises(stripe.RateLimitError):
        await desk.client.v1.refunds.create_async(params, {"idempotency_key": "k"})
    with pytest.raises(stripe.APIConnectionError):
        await desk.client.v1.refunds.create_async(params, {"idempotency_key": "k"})
    # it was carried out although no answer came; the same key finds it
    assert desk.maria.refunded == 100
    await desk.client.v1.refunds.create_async(params, {"idempotency_key": "k"})
    assert desk.maria.refunded == 100


async def test_after_a_reset_all_is_as_at_the_start(desk: Desk) -> None:
    await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id, "amount": 100})
    await desk.control("reset")
    assert desk.maria.refunded == 0
    listed = await desk.client.v1.events.list_async()
    assert listed.data == []


async def test_every_call_is_in_the_call_log_without_the_key(desk: Desk) -> None:
    await desk.client.v1.refunds.create_async({"payment_intent": desk.maria.id, "amount": 100})
    await desk.app.until("charge.refunded")
    calls = [(call.direction, call.name, call.verdict) for call in desk.world.calls if call.platform == "stripe"]
    assert ("in", "refunds.create", "ok") in calls
    assert desk.world.settings.stripe_key not in json.dumps([dict(call.arguments) for call in desk.world.calls])


@pytest.mark.parametrize("kind", ["refund", "charge", "payment_intent", "dispute"])
async def test_objects_have_exactly_the_fields_of_stripes_published_shapes(desk: Desk, kind: str) -> None:
    if not FIXTURES.is_file():
        pytest.skip("the published OpenAPI fixtures of Stripe are not beside the checkout")
    published = set(json.loads(FIXTURES.read_text(encoding="utf-8"))["resources"][kind])
    published -= {"refunds"}  # only when expanded
    state = desk.world.stripe
    refund = (await desk.raw("POST", "refunds", f"payment_intent={desk.maria.id}&amount=100"))[1]
    dispute = (await desk.control("stripe/dispute", payment=desk.maria.id))["dispute"]
    made = {
        "refund": refund, "charge": charge_json(state.payment(desk.maria.id)),
        "payment_intent": intent_json(desk.maria), "dispute": dispute,
    }[kind]
    known_to_library = set(inspect.get_annotations(_class(kind)))
    assert published - set(made) <= {"managed_payments"}
    assert set(made) - published <= known_to_library


def _class(kind: str) -> type[stripe.StripeObject]:
    classes: dict[str, type[stripe.StripeObject]] = {
        "refund": stripe.Refund, "charge": stripe.Charge, "payment_intent": stripe.PaymentIntent, "dispute": stripe.Dispute,
    }
    return classes[kind]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("refunds.create", "RefundCreateParams"), ("refunds.list", "RefundListParams"), ("disputes.list", "DisputeListParams"),
        ("payment_intents.create", "PaymentIntentCreateParams"), ("charges.list", "ChargeListParams"),
        ("events.list", "EventListParams"), ("disputes.update", "DisputeUpdateParams"),
    ],
)
def test_only_parameters_that_stripe_knows_are_taken(method: str, params: str) -> None:
    takes = next(one.takes for one in METHODS if one.name == method)
    known = set(inspect.get_annotations(getattr(stripe.params, params)))
    assert set(takes) - known == set()


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(max_size=20), max_size=5))
def test_nested_form_fields_come_back_as_they_were_sent(pairs: dict[str, str]) -> None:
    encoded = aiohttp.FormData({f"metadata[{key}]": value for key, value in pairs.items()} or {"a": "b"})
    found = form.decode(encoded().decode())
    assert found == ({"metadata": pairs} if pairs else {"a": "b"})


@given(st.text(max_size=60))
def test_no_parameters_however_odd_make_anything_but_a_refusal(text: str) -> None:
    takes = next(method.takes for method in METHODS if method.name == "refunds.create")
    with contextlib.suppress(Malformed):
        form.check(form.decode(text), takes)
