"""Ports for processes that bind them later, by themselves."""

from __future__ import annotations

import socket
from random import SystemRandom
from typing import Final

#: below what systems lend to outgoing connections (from 32768 on Linux): one of those might take it meanwhile
_FIRST, _LAST = 20_000, 32_000
_CHANCE: Final = SystemRandom()
#: none is given out twice by one process
_given: set[int] = set()


def free_ports(count: int) -> list[int]:
    """So many ports of this machine on which nobody listens."""
    found: list[int] = []
    while len(found) < count:
        port = _CHANCE.randint(_FIRST, _LAST)
        if port in _given:
            continue
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        _given.add(port)
        found.append(port)
    return found


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]
