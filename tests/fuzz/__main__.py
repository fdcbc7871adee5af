"""``make fuzz``: a million inputs for every way in, or only for those named."""

from __future__ import annotations

import sys

from tests.figures import Machine, report

#: by the way in
MACHINES: dict[str, Machine] = {
}

if __name__ == "__main__":
    sys.exit(report("fuzz", MACHINES, sys.argv[1:]))
