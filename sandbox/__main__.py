"""`python -m sandbox`: Slack, Telegram and Stripe on this machine, and a page that shows them."""

import argparse
import asyncio
import json
import signal
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sandbox.server import start
from sandbox.slack.manifest import read_manifest
from sandbox.world import Settings, World


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("needs an offset, for example 2026-11-23T09:05:00+01:00")
    return moment


def read_arguments(arguments: Sequence[str] | None = None) -> tuple[argparse.Namespace, Settings]:
    """The command line; exits with a usage text when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=8700, help="0: any free port (default %(default)s)")
    parser.add_argument("--app", default="http://127.0.0.1:8080", help="Opsbell's address (default %(default)s)")
    parser.add_argument("--start", type=_moment, help="sandbox time at start, ISO 8601 with offset (default: now)")
    parser.add_argument("--seed", type=int, default=1, help="seed of ids and events (default %(default)s)")
    parser.add_argument(
        "--rate-limits", choices=("enforce", "warn"), default="enforce", help="answer 429, or only note it"
    )
    parser.add_argument("--manifest", type=Path, help="the Slack app's manifest (JSON); default: everything is allowed")
    given = parser.parse_args(arguments)
    settings = Settings(
        app=given.app.rstrip("/"),
        start=given.start,
        seed=given.seed,
        enforce_rate_limits=given.rate_limits == "enforce",
    )
    return given, settings


async def serve(given: argparse.Namespace, settings: Settings) -> None:
    """Run until SIGINT or SIGTERM."""
    world = World(settings)
    if given.manifest is not None:
        world.slack.installation = read_manifest(json.loads(given.manifest.read_text("utf-8")))
    runner = await start(world, given.host, given.port)
    # making the demo shop takes seconds: begin now, so that the first refund does not wait for it
    world.spawn(world.stripe.load())
    print(f"sandbox ready {world.address}", flush=True)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, ended.set)
    await ended.wait()
    await runner.cleanup()


def main() -> None:
    """The program's entry."""
    given, settings = read_arguments()
    asyncio.run(serve(given, settings))


if __name__ == "__main__":
    main()
