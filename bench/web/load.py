"""A load generator for the benchmarks: as many requests at once as asked, each written whole beforehand.

It speaks just enough HTTP/1.1 to keep a connection open and to read an answer with a Content-Length, so that it costs
little beside the server. Runs as a program of its own, on a core of its own where there are two.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path


async def drive(port: int, requests: Sequence[bytes], connections: int, rate: float) -> dict[str, object]:
    """Send every request once: seconds in all, each one's seconds, how many of each status, the last answer's body.

    ``rate``: so many a second, each timed from the moment it was due, whether a connection was free or not; 0 = as fast
    as they are answered.
    """
    waiting = iter(enumerate(requests))
    took: list[float] = []
    statuses: dict[int, int] = {}
    last = b""

    async def one_connection() -> None:
        nonlocal last
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number, request in waiting:
            if rate:
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            else:
                due = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
            last = await reader.readexactly(length)
            took.append(time.perf_counter() - due)
            status = int(head[9:12])
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one_connection() for _ in range(connections)))
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "took": took, "statuses": statuses, "last": last.decode(errors="replace")}


def whole_request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """One request as bytes."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def main() -> None:
    """``load.py PORT FILE CONNECTIONS RATE``: the file holds the requests, each behind its length in ten digits."""
    port, path, connections, rate = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    data, requests, place = path.read_bytes(), [], 0
    while place < len(data):
        size = int(data[place:place + 10])
        requests.append(data[place + 10:place + 10 + size])
        place += 10 + size
    print(json.dumps(asyncio.run(drive(port, requests, connections, rate))))


if __name__ == "__main__":
    main()
