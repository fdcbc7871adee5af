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


def test_an_empty_secret_opens_nothing() -> None:
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
