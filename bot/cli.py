"""The command line. What it prints as JSON is one document on standard output and nothing else."""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import sqlalchemy as sa

from bot.cli_import import add_commands as add_import
from bot.cli_jobs import add_commands as add_jobs
from bot.cli_reports import add_commands as add_reports
from bot.cli_trail import add_commands as add_trail
from bot.settings import BadSettings, Settings, every_secret, load, require
from domain.errors import OpsError
from storage.upgrade import WrongSchema


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status, not 0 on failure."""
    parsed = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace, Settings], int] = parsed.run
    try:
        return run(parsed, load())
    except (BadSettings, OpsError, WrongSchema) as error:
        print(error, file=sys.stderr)
    except sa.exc.OperationalError as error:
        print(f"The database cannot be used: {str(error.orig).splitlines()[0]}", file=sys.stderr)
    except BrokenPipeError:
        # whoever read it has read enough; nothing may be written at the end either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            print(f"Another program listens there already: {error.strerror or error}.", file=sys.stderr)
        else:
            where = f"{error.filename}: " if error.filename is not None else ""
            print(f"The system refuses: {where}{error.strerror or error}.", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="opsbell", description="The operations desk of an online shop, in chat.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add(commands, "run", _run, "start the desk")
    _add(commands, "check", _check, "what is configured, what is reachable, what to do next")
    demo = _add(commands, "demo", _demo, "the whole desk on this machine, with a demo shop and no account")
    demo.add_argument("--port", type=int, default=8700, help="the page's port (default 8700)")
    demo.add_argument("--app-port", type=int, default=8080, help="Opsbell's own port (default 8080)")
    demo.add_argument("--folder", type=Path, default=Path(".demo"), help="where the demo keeps its files")
    demo.add_argument("--start", default=None, help="when it begins, ISO 8601 with offset (default: today, 09:05)")
    demo.add_argument("--socket", action="store_true", help="Slack by Socket Mode, Telegram by polling")
    _add(commands, "slack-manifest", _manifest, "print the Slack app's manifest (JSON)")
    _add(commands, "commands", _commands, "print the table of commands (Markdown)")
    _add(commands, "webhooks", _webhooks, "print the addresses at which shop systems and carriers' services post")
    shop = commands.add_parser("shop", help="shop files").add_subparsers(dest="verb", required=True, metavar="VERB")
    apply = _add(shop, "apply", _apply, "make the database say what a shop file says")
    apply.add_argument("file", type=Path)
    database = commands.add_parser("db", help="the database's schema")
    verbs = database.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, meaning in (("upgrade", "to the newest"), ("downgrade", "by one step"), ("current", "print it")):
        _add(verbs, verb, _database, meaning)
    _add(verbs, "restored", _restored, "before the first start on a backup that was put back")
    add_import(commands)
    add_jobs(commands)
    add_reports(commands)
    add_trail(commands)
    return parser


Commands = argparse._SubParsersAction  # noqa: SLF001  argparse has no public name for what add_subparsers gives


def _add(
    commands: Commands[argparse.ArgumentParser], name: str, run: Callable[[argparse.Namespace, Settings], int],
    meaning: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=meaning, description=meaning)
    parser.set_defaults(run=run)
    return parser


def _run(_parsed: argparse.Namespace, given: Settings) -> int:
    from bot import log
    from bot.serve import serve

    require(given)
    log.set_up(given.log_level, every_secret(given))
    return asyncio.run(serve(given))


def _demo(parsed: argparse.Namespace, _given: Settings) -> int:
    from bot.demo import Demo

    demo = Demo(
        folder=parsed.folder, port=parsed.port, app_port=parsed.app_port, start=parsed.start, by_socket=parsed.socket
    )
    return asyncio.run(demo.run())


def _check(_parsed: argparse.Namespace, given: Settings) -> int:
    from bot.check import check

    return 0 if asyncio.run(check(given)) else 1


def _manifest(_parsed: argparse.Namespace, given: Settings) -> int:
    from bot.manifest import manifest

    print(json.dumps(manifest("" if given.slack_by_socket else given.public_url), indent=2))
    return 0


def _commands(_parsed: argparse.Namespace, _given: Settings) -> int:
    from handlers.commands import table

    print(table(), end="")
    return 0


def _webhooks(_parsed: argparse.Namespace, given: Settings) -> int:
    from bot.addresses import addresses

    require(given)
    print(addresses(given), end="")
    return 0


def _apply(parsed: argparse.Namespace, given: Settings) -> int:
    from bot.shop_file import read_shop_file
    from storage import shop_file
    from storage.database import open_engine
    from storage.upgrade import ensure_current

    file = read_shop_file(parsed.file)
    engine = open_engine(given.database_url)
    ensure_current(engine)
    with engine.begin() as connection:
        shop_file.apply(connection, file)
    engine.dispose()
    print(f"{file.name}: {len(file.staff)} staff, {len(file.chats)} channels. A running desk follows within seconds.")
    return 0


def _restored(_parsed: argparse.Namespace, given: Settings) -> int:
    from storage.database import open_engine
    from storage.restored import doubt_letters

    engine = open_engine(given.database_url)
    count = doubt_letters(engine)
    engine.dispose()
    print(
        f"{count} open letters are now taken for ones that may have gone out: Slack is read first, Telegram marks what "
        "it repeats. Returns decided since the backup show as undecided; Stripe is asked before each refund."
    )
    return 0


def _database(parsed: argparse.Namespace, given: Settings) -> int:
    from storage import upgrade
    from storage.database import open_engine

    engine = open_engine(given.database_url)
    if parsed.verb == "upgrade":
        upgrade.upgrade(engine)
    elif parsed.verb == "downgrade":
        upgrade.downgrade(engine)
    print(upgrade.current(engine) or "empty")
    engine.dispose()
    return 0
