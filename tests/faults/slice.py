"""A short turn of each machine with real processes, for ``make test``: in one process, since its start costs the most.

Prints a JSON object: what was wrong, by machine.
"""

from __future__ import annotations

import json
import sys

from tests.faults import iofaults, kills, storm

#: from approval to notice, where most can go wrong
POINTS = ("C4", "C5", "C7", "C9", "C11", "C14")


def killed() -> list[str]:
    """A death at some points, on SQLite."""
    with kills.database("sqlite") as url:
        found = kills.run(url, 0, points=POINTS)
    return found.wrong + [f"{found.missed} deaths did not come"] * bool(found.missed)


def stormed() -> list[str]:
    """Three replicas on one PostgreSQL: one killed, the database restarted, connections cut."""
    return storm.run([storm.Storm.kill, storm.Storm.restart, storm.Storm.cut]).storm.wrong


def full() -> list[str]:
    """A disk that is full or broken at some of the writes."""
    wrong = iofaults.run(step=5).wrong
    if iofaults.may_trace():
        wrong += iofaults.run(("pwrite64", "error=ENOSPC"), step=30).wrong
        wrong += iofaults.run(("fdatasync", "error=EIO"), step=3).wrong
    return wrong


if __name__ == "__main__":
    json.dump({"kills": killed(), "storm": stormed(), "disk": full()}, sys.stdout)
