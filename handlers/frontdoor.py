"""The front door: raw bytes in, yes or no out, before any library parses them.

Every scheme takes several secrets, so that an old and a new one count during a rotation. Nothing here raises,
whatever the bytes; comparisons take the same time for every wrong answer.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

#: seconds that a sender's clock may differ, either way; Slack's, Stripe's and Standard Webhooks' own figure
_TOLERANCE: Final = 300
_LONGEST_HEADER: Final = 2000


def slack(secrets: Sequence[str], timestamp: str, signature: str, body: bytes, now: datetime) -> bool:
    """Slack's v0 scheme: docs.slack.dev/authentication/verifying-requests-from-slack."""
    if not _fresh(timestamp, now):
        return False
    signed = b"v0:" + timestamp.encode() + b":" + body
    return _any_equal(("v0=" + _hex(secret, signed) for secret in secrets), [signature])


def telegram(secrets: Sequence[str], header: str) -> bool:
    """Telegram's secret_token of setWebhook: core.telegram.org/bots/api#setwebhook."""
    return _any_equal(secrets, [header])


def stripe(secrets: Sequence[str], header: str, body: bytes, now: datetime) -> bool:
    """Stripe-Signature, t and any of several v1: docs.stripe.com/webhooks#verify-manually."""
    if len(header) > _LONGEST_HEADER:
        return False
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    if len(stamps) != 1 or not _fresh(stamps[0], now):
        return False
    signed = stamps[0].encode() + b"." + body
    return _any_equal((_hex(secret, signed) for secret in secrets), [value for name, _, value in parts if name == "v1"])


def standard_webhook(
    secrets: Sequence[str], event_id: str, timestamp: str, signature: str, body: bytes, now: datetime
) -> bool:
    """Standard Webhooks, symmetric v1: github.com/standard-webhooks/standard-webhooks."""
    if len(signature) > _LONGEST_HEADER or not 0 < len(event_id) <= 256 or not _fresh(timestamp, now):
        return False
    if not event_id.isascii():
        return False
    signed = f"{event_id}.{timestamp}.".encode() + body
    expected = []
    for secret in secrets:
        key = _decoded(secret.removeprefix("whsec_"))
        if key:
            expected.append("v1," + base64.b64encode(hmac.new(key, signed, sha256).digest()).decode())
    return _any_equal(expected, signature.split(" "))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _fresh(timestamp: str, now: datetime) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(now.timestamp() - int(timestamp)) <= _TOLERANCE


def _hex(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, sha256).hexdigest()


def _any_equal(expected: Iterable[str], given: Iterable[str]) -> bool:
    """Whether any given value is an expected one; empty secrets never match."""
    candidates = [value.encode("utf-8", "surrogateescape") for value in given]
    found = False
    for one in expected:
        for candidate in candidates[:16]:
            found |= bool(one) and hmac.compare_digest(one.encode(), candidate)
    return found
