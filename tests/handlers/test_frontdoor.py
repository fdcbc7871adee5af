"""The front door: only who knows the secret comes in, whatever the bytes."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import frontdoor

NOW = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)
SECRET = "a-secret-of-some-length"
KEY = base64.b64encode(b"thirty-two bytes of a shop's key").decode()
BODY = b'{"a": 1}'
STAMP = str(int(NOW.timestamp()))


def hexed(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, sha256).hexdigest()


def slack(body: bytes = BODY, stamp: str = STAMP, secret: str = SECRET) -> str:
    return "v0=" + hexed(secret, f"v0:{stamp}:".encode() + body)


def stripe(body: bytes = BODY, stamp: str = STAMP, secret: str = SECRET) -> str:
    return f"t={stamp},v1={hexed(secret, stamp.encode() + b'.' + body)}"


def standard(body: bytes = BODY, stamp: str = STAMP, key: str = KEY, event: str = "e1") -> str:
    made = hmac.new(base64.b64decode(key), f"{event}.{stamp}.".encode() + body, sha256).digest()
    return "v1," + base64.b64encode(made).decode()


def test_a_good_signature_comes_in() -> None:
    assert frontdoor.slack([SECRET], STAMP, slack(), BODY, NOW)
    assert frontdoor.stripe([SECRET], stripe(), BODY, NOW)
    assert frontdoor.standard_webhook(["whsec_" + KEY], "e1", STAMP, standard(), BODY, NOW)
    assert frontdoor.telegram([SECRET], SECRET)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400, -86_400])
def test_an_old_or_future_signature_stays_out(seconds: int) -> None:
    later = NOW + timedelta(seconds=seconds)
    assert not frontdoor.slack([SECRET], STAMP, slack(), BODY, later)
    assert not frontdoor.stripe([SECRET], stripe(), BODY, later)
    assert not frontdoor.standard_webhook([KEY], "e1", STAMP, standard(), BODY, later)


@pytest.mark.parametrize("seconds", [-300, 300])
def test_the_edge_of_the_window_still_counts(seconds: int) -> None:
    assert frontdoor.slack([SECRET], STAMP, slack(), BODY, NOW + timedelta(seconds=seconds))


def test_any_changed_byte_of_the_body_stays_out() -> None:
    for place in range(len(BODY)):
        changed = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        assert not frontdoor.slack([SECRET], STAMP, slack(), changed, NOW)
        assert not frontdoor.stripe([SECRET], stripe(), changed, NOW)
        assert not frontdoor.standard_webhook([KEY], "e1", STAMP, standard(), changed, NOW)


def test_both_secrets_count_during_a_rotation_and_no_other() -> None:
    for secret in ("old", "new"):
        assert frontdoor.slack(["old", "new"], STAMP, slack(secret=secret), BODY, NOW)
        assert frontdoor.stripe(["old", "new"], stripe(secret=secret), BODY, NOW)
        assert frontdoor.telegram(["old", "new"], secret)
    assert not frontdoor.slack(["old", "new"], STAMP, slack(secret="other"), BODY, NOW)


BODY_ONLY = {"shopify": frontdoor.shopify, "woocommerce": frontdoor.woocommerce, "aftership": frontdoor.aftership, "easypost": frontdoor.easypost}


def over_body(source: str, secret: str = SECRET, body: bytes = BODY) -> str:
    if source == "easypost":
        return "hmac-sha256-hex=" + hexed(secret, body)
    return base64.b64encode(hmac.new(secret.encode(), body, sha256).digest()).decode()


@pytest.mark.parametrize("source", sorted(BODY_ONLY))
def test_schemes_over_the_body_alone(source: str) -> None:
    verified = BODY_ONLY[source]
    for secret in ("old", "new"):
        assert verified(["old", "new"], over_body(source, secret), BODY)
    assert not verified(["old", "new"], over_body(source, "other"), BODY)
    assert not verified([""], over_body(source, ""), BODY)
    assert not verified([], over_body(source, ""), BODY)
    assert not verified([SECRET], over_body(source).lower().replace("hmac", "HMAC"), BODY)
    assert not verified([SECRET], "", BODY)
    for place in range(len(BODY)):
        assert not verified([SECRET], over_body(source), BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :])


def test_easyposts_published_vector_whose_secret_is_written_in_two_ways() -> None:
    """From EasyPost's own client libraries' tests; the secret's accent is one sign or two."""
    body = (
        b'{"result":{"id":"batch_123...","object":"Batch","mode":"test","state":"created","num_shipments":0,"reference":null,'
        b'"created_at":"2022-07-26T17:22:32Z","updated_at":"2022-07-26T17:22:32Z","scan_form":null,"shipments":[],"status":'
        b'{"created":0,"queued_for_purchase":0,"creation_failed":0,"postage_purchased":0,"postage_purchase_failed":0},"pickup":'
        b'null,"label_url":null},"description":"batch.created","mode":"test","previous_attributes":null,"completed_urls":null,'
        b'"user_id":"user_123...","status":"pending","object":"Event","id":"evt_123..."}'
    )
    signature = "hmac-sha256-hex=e93977c8ccb20363d51a62b3fe1fc402b7829be1152da9e88cf9e8d07115a46b"
    assert frontdoor.easypost(["s\u00e9cret"], signature, body)
    assert frontdoor.easypost(["se\u0301cret"], signature, body)
    assert not frontdoor.easypost(["secret"], signature, body)


def test_standard_webhooks_published_vector() -> None:
    """From the scheme's own reference libraries' tests."""
    at = datetime.fromtimestamp(1614265330, UTC)
    given = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    assert frontdoor.standard_webhook(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], *given, b'{"test": 2432232314}', at)


def test_slacks_published_vector() -> None:
    """From docs.slack.dev, verifying requests from Slack."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
        b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
        b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    at = datetime.fromtimestamp(1531420618, UTC)
    assert frontdoor.slack(["8f742231b10e8888abcd99yyyzzz85a5"], "1531420618", signature, body, at)


def test_what_the_vendors_own_libraries_sign_comes_in() -> None:
    from slack_sdk.signature import SignatureVerifier
    from stripe import WebhookSignature

    made = SignatureVerifier(SECRET).generate_signature(timestamp=STAMP, body=BODY)
    assert made == slack()
    assert frontdoor.slack([SECRET], STAMP, str(made), BODY, NOW)
    assert WebhookSignature.verify_header(BODY.decode(), stripe(), SECRET, tolerance=None)  # type: ignore[no-untyped-call]


def test_headers_that_no_encoding_knows_stay_out_and_do_not_raise() -> None:
    for header in ("\ud800", "\udcff", "v0=\udfff", "é", "\x00", "v1,\ud800", "t=\ud800,v1=\udfff"):
        assert not frontdoor.slack([SECRET, "\ud800"], STAMP, header, BODY, NOW)
        assert not frontdoor.slack([SECRET], header, header, BODY, NOW)
        assert not frontdoor.stripe([SECRET, "\udfff"], header, BODY, NOW)
        assert not frontdoor.telegram([SECRET], header)
        assert not frontdoor.standard_webhook([KEY], header, STAMP, header, BODY, NOW)
        for verified in BODY_ONLY.values():
            assert not verified([SECRET, "\ud800"], header, BODY)


def test_no_scheme_takes_another_schemes_signature() -> None:
    signatures = [slack(), stripe(), standard(), *(over_body(one) for one in BODY_ONLY), hexed(SECRET, BODY), SECRET]
    for one in signatures:
        assert frontdoor.slack([SECRET], STAMP, one, BODY, NOW) == (one == slack())
        assert frontdoor.stripe([SECRET], one, BODY, NOW) == (one == stripe())
        assert frontdoor.easypost([SECRET], one, BODY) == (one == over_body("easypost"))
        assert frontdoor.shopify([SECRET], one, BODY) == (one == over_body("shopify"))


def test_an_empty_secret_opens_nothing() -> None:
    assert not frontdoor.slack([""], STAMP, slack(secret=""), BODY, NOW)
    assert not frontdoor.stripe([""], stripe(secret=""), BODY, NOW)
    assert not frontdoor.telegram([""], "")
    assert not frontdoor.telegram([], "")
    assert not frontdoor.standard_webhook([""], "e1", STAMP, standard(key=""), BODY, NOW)
    assert not frontdoor.slack([], STAMP, slack(), BODY, NOW)


def test_the_event_id_is_signed_too() -> None:
    assert not frontdoor.standard_webhook([KEY], "e2", STAMP, standard(), BODY, NOW)


def test_stripes_second_signature_counts_and_two_stamps_do_not() -> None:
    good = stripe()
    assert frontdoor.stripe([SECRET], good.replace("v1=", "v1=00,v1="), BODY, NOW)
    assert not frontdoor.stripe([SECRET], f"t={STAMP},{good}", BODY, NOW)


@given(st.text(max_size=3000), st.text(max_size=60), st.binary(max_size=200))
def test_no_header_and_no_body_makes_it_raise(header: str, stamp: str, body: bytes) -> None:
    assert not frontdoor.slack([SECRET], stamp, header, body, NOW)
    assert not frontdoor.stripe([SECRET], header, body, NOW)
    assert not frontdoor.standard_webhook([KEY], stamp, STAMP, header, body, NOW)
    assert not frontdoor.standard_webhook(["not base64!"], "e1", stamp, header, body, NOW)
    assert not frontdoor.telegram([SECRET], header)
