"""Inputs that nobody meant: bytes changed at random, and well-formed JSON with one thing that does not belong there."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

#: bytes that mean something to somebody
PIECES = (
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xef\xbb\xbf", b"\r\n", b"\n\n", b"%00", b"%", b"%zz", b"%ED%A0%80", b"&", b"=", b"+", b";", b",",
    b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u0000", b"\\ud800", b"\\udfff\\ud800", b"null", b"true", b"NaN", b"Infinity", b"-0", b"1e999", b"1e-999",
    b"9" * 30, b"9" * 5000, b"[" * 200, b'{"a":' * 200, b"payload=", b"v0=", b"t=", b"v1,", b"sha256=", b"whsec_", b"<!channel>", b"<script>", b"{{7*7}}",
    b"' OR 1=1 --", b"../../etc/passwd", b"=cmd|' /C calc'!A0", b"\xe2\x80\xae", b"\xf0\x9f\x98\x80", b"0", b"-1", b"2147483648", b"9223372036854775808",
)
#: values that do not belong where they are put
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 10**18, -(10**12), 0.1, 1e308, -1e-308, "", " ", "0", "-1", "1e3", "1,000.00", "NaN", "x" * 5000,
    "é" * 200, "😀" * 50, "\u202e", "\x00", "\ud800", "<!channel>", "</b>", "2026-02-30T25:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00",
    "2026-11-23T09:00:00", "2026-11-23", "1.005", "12345678901234567890", "EUR", "XXX", "JPY", "KWD", [], {}, [[]], [None], [1, "a"], {"id": 1}, {"a": {"b": []}},
    "p:" + "a" * 22, "o_1001_" + "a" * 16, "Delivered", "paid", "#1001", "1001", "MUG",
)


def changed(seed: bytes, chance: random.Random) -> bytes:
    """A seed with one to eight changes: bits, bytes, slices gone, doubled or moved, pieces put in."""
    made = bytearray(seed)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        place = chance.randrange(len(made) + 1)
        match chance.randrange(8):
            case 0 if made:
                made[place % len(made)] ^= 1 << chance.randrange(8)
            case 1 if made:
                made[place % len(made)] = chance.randrange(256)
            case 2:
                del made[place : place + chance.choice((1, 2, 10, 100))]
            case 3:
                made[place:place] = made[place : place + chance.choice((1, 10, 100))]
            case 4:
                made[place:place] = chance.choice(PIECES)
            case 5:
                piece = chance.choice(PIECES)
                made[place : place + len(piece)] = piece
            case 6:
                del made[place:]
            case _:
                other = chance.randrange(len(made) + 1)
                low, high = sorted((place, other))
                made[low:high] = made[low:high][::-1][:200]
        if len(made) > 20_000:
            del made[20_000:]
    return bytes(made)


def text_of(seed: str, chance: random.Random) -> str:
    """A changed text, with whatever half characters came of it."""
    return changed(seed.encode(), chance).decode("utf-8", chance.choice(("surrogateescape", "replace", "ignore")))


def twisted(seed: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The same object with one to three values exchanged, taken away, doubled or renamed, anywhere in it."""
    made: dict[str, Any] = copy.deepcopy(seed)
    for _ in range(chance.choice((1, 1, 2, 3))):
        parent, key = _somewhere(made, chance)
        if parent is None:
            continue
        match chance.randrange(6):
            case 0:
                del parent[key]
            case 1 if isinstance(parent, dict):
                parent[str(key) + "_"] = parent.pop(key)
            case 2 if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[key]))
            case _:
                parent[key] = copy.deepcopy(chance.choice(VALUES))
    return made


def written(value: dict[str, Any], chance: random.Random) -> bytes:
    """As JSON; half characters survive as escapes."""
    return json.dumps(value, ensure_ascii=chance.random() < 0.9).encode("utf-8", "surrogatepass")


def _somewhere(value: Any, chance: random.Random) -> tuple[Any, Any]:
    """A place in a nest of lists and objects: any depth is as likely as the next."""
    here: tuple[Any, Any] = (None, None)
    while isinstance(value, (dict, list)) and value:
        key = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
        here = (value, key)
        if chance.random() < 0.35:
            break
        value = value[key]
    return here
