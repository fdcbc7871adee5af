"""Servers for the benchmarks, each a process of its own on one core, and one run of load against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run of load found."""

    rate: float
    p50: float
    p99: float
    statuses: dict[str, int]
    last: str


def measure(server: Sequence[str], requests: Sequence[bytes], *, connections: int, warm: int, rate: float = 0) -> Run:
    """Start ``python server...``, which prints its port; send the requests; stop it. The first ``warm`` don't count.

    ``rate``: how many a second; 0 = as fast as they are answered.
    """
    cores = sorted(os.sched_getaffinity(0))
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'bench'}"}
    running = subprocess.Popen(
        [sys.executable, *server], stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )
    try:
        os.sched_setaffinity(running.pid, {cores[0]})  # before it starts a thread, which inherits it
        assert running.stdout is not None
        port = int(running.stdout.readline())
        _load(port, requests[:warm], connections, rate, environment)
        told = _load(port, requests[warm:], connections, rate, environment)
    finally:
        running.terminate()
        running.wait(20)
    took = sorted(told["took"])
    return Run(
        rate=len(took) / told["seconds"], p50=took[len(took) // 2], p99=took[int(len(took) * 0.99)],
        statuses=told["statuses"], last=told["last"],
    )


def _load(
    port: int, requests: Sequence[bytes], connections: int, rate: float, environment: dict[str, str]
) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile(suffix=".requests") as file:
        for request in requests:
            file.write(b"%010d" % len(request) + request)
        file.flush()
        loading = subprocess.Popen(
            [sys.executable, str(ROOT / "bench" / "web" / "load.py"), str(port), file.name,
             str(connections), str(rate)],
            stdout=subprocess.PIPE, env=environment,
        )
        os.sched_setaffinity(loading.pid, {max(os.sched_getaffinity(0))})
        told, _ = loading.communicate()
    if loading.returncode:
        raise SystemExit("the load could not be sent")
    return json.loads(told)
