"""Logs as JSON lines. Secrets and personal data are masked, whoever logs them."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Final

_MASKS: Final = (
    (re.compile(r"\bxox[a-z]-[\w-]+|\bxapp-[\w-]+"), "[slack token]"),
    (re.compile(r"\b\d{6,12}:[\w-]{30,}"), "[telegram token]"),
    (re.compile(r"\b(?:sk|rk)_(?:test|live)_\w+|\bwhsec_[\w+/=]+"), "[stripe secret]"),
    (re.compile(r"https://hooks\.slack\.com/\S+|https?://\S+/slack/response/\S+"), "[response url]"),
    (re.compile(r"(://[^/\s:@]+:)[^/\s@]+@"), r"\1[password]@"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[e-mail]"),
    (re.compile(r"(?<![\w.:-])\+\d[\d ()/-]{7,}\d"), "[phone]"),
)


def masked(text: str) -> str:
    """The text without secrets and without personal data."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, message, and the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": masked(record.getMessage()),
        }
        if record.exc_info:
            line["error"] = masked(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def set_up(level: str) -> None:
    """JSON lines on standard error; libraries only from warnings on, since they would log what people write."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("opsbell").setLevel(level)
