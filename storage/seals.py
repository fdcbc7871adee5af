"""Seals: MACs over rows that let money go, under a key that is not in the database.

Whoever can write rows, but does not hold OPSBELL_LINK_SECRET, can neither make an approval nor change one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import date, datetime

from domain.wire import Json

#: parts the seals' key from the links' and from whatever else the secret may sign
_PURPOSE = b"opsbell seals 1"


@dataclass(frozen=True)
class Seals:
    """Makes and checks seals. Without a secret nothing can be sealed, and no seal holds."""

    secret: bytes

    def seal(self, kind: str, *values: object) -> str:
        """HMAC-SHA-256 over the kind of row and its values, in hexadecimal digits."""
        if not self.secret:
            raise RuntimeError("OPSBELL_LINK_SECRET is not set: nothing can be sealed")
        form = json.dumps([kind, *(_plain(value) for value in values)], ensure_ascii=True)
        key = hmac.new(self.secret, _PURPOSE, hashlib.sha256).digest()
        return hmac.new(key, form.encode(), hashlib.sha256).hexdigest()

    def holds(self, mac: str, kind: str, *values: object) -> bool:
        """Whether that seal was made for exactly these values; never for an empty one."""
        return bool(self.secret and mac) and hmac.compare_digest(mac, self.seal(kind, *values))


def _plain(value: object) -> Json:
    match value:
        case None | bool() | int() | str():
            return value
        case datetime() | date():
            return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be sealed")
