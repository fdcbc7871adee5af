"""Idempotency keys: the first answer is kept for 24 hours and given again; other parameters are refused.

Source: docs.stripe.com/api/idempotent_requests, read 2026-11-23.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.stripe.errors import KeyInUse, KeyReused, Malformed
from sandbox.stripe.objects import Json

KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 255


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A status with its body, and the request that it answered."""

    status: int
    body: Json
    request_id: str


@dataclass(kw_only=True)
class _Use:
    path: str
    params: Json
    since: float
    answer: Answer | None = None


class Keys:
    """The keys in use. ``now`` is Unix seconds of the sandbox."""

    def __init__(self) -> None:
        self._uses: dict[str, _Use] = {}

    def clear(self) -> None:
        """Forget all keys."""
        self._uses.clear()

    def begin(self, key: str, path: str, params: Json, now: float) -> Answer | None:
        """The kept answer; None if the caller is the first and must ``finish`` or ``forget``.

        Raises KeyReused and KeyInUse.
        """
        if len(key) > LONGEST_KEY:
            raise Malformed(f"Idempotency keys can be at most {LONGEST_KEY} characters long.")
        use = self._uses.get(key)
        if use is None or now - use.since >= KEPT_SECONDS:
            self._uses[key] = _Use(path=path, params=params, since=now)
            return None
        if use.path != path:
            raise KeyReused(
                "Keys for idempotent requests can only be used for the same endpoint they were first used for "
                f"('{use.path}' vs '{path}'). Try using a key other than '{key}' if you meant to execute a different "
                "request."
            )
        if use.params != params:
            raise KeyReused(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request."
            )
        if use.answer is None:
            raise KeyInUse(
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                f"submitted twice, and the other request is still going through): {key}. Please try again later.",
                code="idempotency_key_in_use",
            )
        return use.answer

    def finish(self, key: str, answer: Answer) -> None:
        """Keep the answer."""
        if key in self._uses:
            self._uses[key].answer = answer

    def forget(self, key: str) -> None:
        """Nothing was carried out: the key is free again."""
        self._uses.pop(key, None)
