"""``python -m sandbox.demo_shop --out DIR --until 2026-11-23T09:05:00+01:00 --seed 1`` writes the demo shop's files."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

from sandbox.demo_shop import ZONE, build
from sandbox.demo_shop.files import write


def main() -> None:
    """Read the arguments, write the folder, say what is in it."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo_shop", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write (made if it is not there)")
    parser.add_argument("--until", type=_moment, default="2026-11-23T09:05:00+01:00", help="the moment it stands at")
    parser.add_argument("--seed", type=int, default=1, help="another number makes another shop")
    chosen = parser.parse_args()
    rows = write(build(chosen.until, chosen.seed), chosen.out)
    print(f"{chosen.out}: " + ", ".join(f"{count} {name.removesuffix('.csv')}" for name, count in rows.items()))


def _moment(text: str) -> datetime:
    """An ISO time; without an offset it is Berlin's."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZONE)


if __name__ == "__main__":
    main()
