"""``opsbell run``: up until a signal says stop."""

from __future__ import annotations

import asyncio
import logging
import signal

from bot.app import running
from bot.settings import Settings

log = logging.getLogger("opsbell")


async def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; 1 if a loop died, so that whoever started us starts us again."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    async with running(settings) as app:
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait([waiting, *app.tasks], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if stop.is_set():
            return 0
        for task in app.tasks:
            if task.done() and not task.cancelled():
                log.error("the loop %s has died", task.get_name(), exc_info=task.exception())
        return 1
