"""Logs as JSON lines. Secrets and personal data are masked, whoever logs them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

_MASKS: Final = (
    (re.compile(r"\bxox[a-z]-[\w-]+|\bxapp-[\w-]+"), "[slack token]"),
    # also inside an address, .../bot123:ABC/sendMessage, where no word begins
    (re.compile(r"(?<!\d)\d{6,12}:[\w-]{30,}"), "[telegram token]"),
    (re.compile(r"\b(?:sk|rk)_(?:test|live)_\w+|\bwhsec_[\w+/=]+"), "[stripe secret]"),
    # what PostgreSQL adds to an error: the values of the row at fault
    (re.compile(r"Key \([^)]*\)=\(.*?\)|Failing row contains \(.*?\)\.", re.DOTALL), "[row]"),
    (re.compile(r"https://hooks\.slack\.com/\S+|https?://\S+/slack/response/\S+"), "[response url]"),
    (re.compile(r"(://[^/\s:@]+:)[^/\s@]+@"), r"\1[password]@"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[e-mail]"),
    # an account or a chat in the key of a job, whose last digits tell it from others
    (re.compile(r"\b(telegram(?:-in)?:)-?\d{2,}(\d{3})\b"), r"\1…\2"),
    (re.compile(r"(?<![\w.:-])\+\d[\d ()/-]{7,}\d"), "[phone]"),
)


#: shorter ones would take ordinary words out
_SHORTEST: Final = 8


def masked(text: str, secrets: Collection[str] = ()) -> str:
    """The text without secrets, known by their shape or as they are, and without personal data that has a shape."""
    for secret in secrets:
        text = text.replace(secret, "[secret]")
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, message, and the traceback of an error."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        """``secrets``: what this installation's own look like, whatever their shape."""
        super().__init__()
        self._secrets = tuple(sorted((one for one in secrets if len(one) >= _SHORTEST), key=len, reverse=True))

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": masked(record.getMessage(), self._secrets),
        }
        if record.exc_info:
            line["error"] = masked(self.formatException(record.exc_info), self._secrets)
        return json.dumps(line, ensure_ascii=False)


def set_up(level: str, secrets: Collection[str] = ()) -> None:
    """JSON lines on standard error; libraries only from warnings on, since they would log what people write."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(secrets))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("opsbell").setLevel(level)
