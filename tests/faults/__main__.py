"""``make faults``: every machine at full length, or those named: ``python -m tests.faults simulator kills``."""

from __future__ import annotations

import sys

from tests.faults import (
    authorisation,
    digest_zones,
    flood,
    hostile,
    iofaults,
    kills,
    limits,
    races,
    rolling,
    soak,
    storm,
)
from tests.faults.simulator import machine as simulated
from tests.figures import Machine, report

#: by name, in the order they run; each lives in a module of its own beside this one
MACHINES: dict[str, Machine] = {
    "simulator": simulated.simulator,
    "mutants": simulated.planted,
    "hostile": hostile.machine,
    "kills": kills.machine,
    "storm": storm.machine,
    "disk": iofaults.machine,
    "rolling": rolling.machine,
    "digests": digest_zones.machine,
    "flood": flood.machine,
    "authorisation": authorisation.machine,
    "limits": limits.machine,
    "races": races.machine,
    "soak": soak.machine,
}

if __name__ == "__main__":
    sys.exit(report("faults", MACHINES, sys.argv[1:]))
