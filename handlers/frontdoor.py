"""The front door: raw bytes in, yes or no out, before any library parses them.

Every scheme takes several secrets, so that an old and a new one count during a rotation; an empty secret counts never.
Nothing here raises, whatever the bytes; comparisons take the same time for every wrong answer. Each sender has exactly
one scheme: there is no "either header will do".
"""

from __future__ import annotations

import base64
import binascii
import hmac
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

#: seconds that a sender's clock may differ, either way; Slack's, Stripe's and Standard Webhooks' own figure
_TOLERANCE: Final = 300
_LONGEST_HEADER: Final = 2000
#: signatures that one header may carry, for rotations at the sender's side
_MOST_SIGNATURES: Final = 16


def slack(secrets: Sequence[str], timestamp: str, signature: str, body: bytes, now: datetime) -> bool:
    """Slack's v0 scheme: docs.slack.dev/authentication/verifying-requests-from-slack."""
    if not _fresh(timestamp, now):
        return False
    signed = b"v0:" + timestamp.encode() + b":" + body
    return _any_equal(("v0=" + _hex(_raw(secret), signed) for secret in secrets if secret), [signature])


def telegram(secrets: Sequence[str], header: str) -> bool:
    """Telegram's secret_token of setWebhook: core.telegram.org/bots/api#setwebhook."""
    return _any_equal((secret for secret in secrets if secret), [header])


def stripe(secrets: Sequence[str], header: str, body: bytes, now: datetime) -> bool:
    """Stripe-Signature, t and any of several v1: docs.stripe.com/webhooks#verify-manually."""
    if len(header) > _LONGEST_HEADER:
        return False
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    if len(stamps) != 1 or not _fresh(stamps[0], now):
        return False
    signed = stamps[0].encode() + b"." + body
    given = [value for name, _, value in parts if name == "v1"]
    return _any_equal((_hex(_raw(secret), signed) for secret in secrets if secret), given)


def standard_webhook(
    secrets: Sequence[str], event_id: str, timestamp: str, signature: str, body: bytes, now: datetime
) -> bool:
    """Standard Webhooks, symmetric v1: github.com/standard-webhooks/standard-webhooks."""
    if len(signature) > _LONGEST_HEADER or not 0 < len(event_id) <= 256 or not _fresh(timestamp, now):
        return False
    if not (event_id.isascii() and event_id.isprintable()):
        return False
    signed = f"{event_id}.{timestamp}.".encode() + body
    keys = [_decoded(secret.removeprefix("whsec_")) for secret in secrets]
    return _any_equal(("v1," + _base64(key, signed) for key in keys if key), signature.split(" "))


def shopify(secrets: Sequence[str], signature: str, body: bytes) -> bool:
    """X-Shopify-Hmac-Sha256, over the body alone: shopify.dev/docs/apps/build/webhooks/subscribe/https."""
    return _over_body(secrets, signature, body)


def woocommerce(secrets: Sequence[str], signature: str, body: bytes) -> bool:
    """X-WC-Webhook-Signature, over the body alone: WC_Webhook::generate_signature of WooCommerce."""
    return _over_body(secrets, signature, body)


def aftership(secrets: Sequence[str], signature: str, body: bytes) -> bool:
    """aftership-hmac-sha256, over the body alone: aftership.com/docs/tracking/webhook/webhook-signature."""
    return _over_body(secrets, signature, body)


def easypost(secrets: Sequence[str], signature: str, body: bytes) -> bool:
    """X-Hmac-Signature (V1), over the body alone, by the NFKD form of the secret: EasyPost's own client libraries.

    V2 stands in none of their libraries yet; its header is never looked at.
    """
    keys = [_raw(unicodedata.normalize("NFKD", secret)) for secret in secrets if secret]
    return _any_equal(("hmac-sha256-hex=" + _hex(key, body) for key in keys), [signature])


def good_standard_secret(secret: str) -> bool:
    """Whether it is a Standard Webhooks secret of at least 24 bytes, the scheme's own floor."""
    return len(_decoded(secret.removeprefix("whsec_"))) >= 24


def _over_body(secrets: Sequence[str], signature: str, body: bytes) -> bool:
    return _any_equal((_base64(_raw(secret), body) for secret in secrets if secret), [signature])


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _fresh(timestamp: str, now: datetime) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(now.timestamp() - int(timestamp)) <= _TOLERANCE


def _raw(text: str) -> bytes:
    """The bytes of a text; broken characters, which no encoding has, stay told apart and do not raise."""
    return text.encode("utf-8", "surrogatepass")


def _hex(key: bytes, signed: bytes) -> str:
    return hmac.new(key, signed, sha256).hexdigest()


def _base64(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()


def _any_equal(expected: Iterable[str], given: Sequence[str]) -> bool:
    """Whether any given value is an expected one."""
    candidates = [_raw(value) for value in given[:_MOST_SIGNATURES]]
    found = False
    for one in expected:
        for candidate in candidates:
            found |= hmac.compare_digest(_raw(one), candidate)
    return found
