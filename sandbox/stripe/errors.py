"""Stripe's refusals, in Stripe's words and JSON.

```
Refusal
├── Unauthorized 401   Malformed 400 (not kept under an idempotency key)   Missing 404
├── KeyReused 400   KeyInUse 409
└── Declined 400/402 (the request was carried out and its answer is kept)
```
Source: docs.stripe.com/api/errors and docs.stripe.com/error-low-level, read 2026-11-23.
"""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """The request is refused; ``kept`` says whether its answer is replayed for the same idempotency key."""

    status = 400
    kind = "invalid_request_error"
    kept = False

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None, **more: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.more = more

    def as_json(self, log_url: str) -> dict[str, Any]:
        """The body of the answer."""
        error: dict[str, Any] = {"message": self.message, "type": self.kind}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param:
            error["param"] = self.param
        return {"error": {**error, **self.more, "request_log_url": log_url}}


class Unauthorized(Refusal):
    """No key or a wrong one."""

    status = 401


class Malformed(Refusal):
    """A parameter is unknown, missing or of the wrong form; nothing was carried out."""


class Missing(Refusal):
    """There is no such object, or no such address."""

    status = 404


class Declined(Refusal):
    """Well-formed, carried out, and refused for what it asks."""

    kept = True


class CardDeclined(Declined):
    """The bank says no."""

    status = 402
    kind = "card_error"


class KeyReused(Refusal):
    """An idempotency key came with other parameters or another address."""

    kind = "idempotency_error"


class KeyInUse(Refusal):
    """The first request with this idempotency key is not answered yet."""

    status = 409
    kind = "idempotency_error"


class TooMany(Refusal):
    """Too many requests in a second."""

    status = 429


def no_such(kind: str, id_: str, param: str) -> Missing:
    """Stripe's words for an id that it does not know."""
    return Missing(f"No such {kind}: '{id_}'", code="resource_missing", param=param)
