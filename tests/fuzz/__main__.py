"""``make fuzz``: a million inputs for every way in, or only for those named: ``make fuzz ONLY="telegram csv"``.

OPSBELL_SEED=2 draws others; OPSBELL_FUZZ=5000 draws so many instead of a million.
"""

from __future__ import annotations

import sys
from functools import partial

from tests.figures import Machine, report
from tests.fuzz.machine import machine, ways

#: by the way in; spaces in its name are written as -
MACHINES: dict[str, Machine] = {way.name.replace(" ", "-"): partial(machine, way.name) for way in ways()}

if __name__ == "__main__":
    sys.exit(report("fuzz", MACHINES, sys.argv[1:]))
