"""The sandbox's one HTTP server: every platform's API, the control API and the page."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from sandbox import control, events, shop_orders, shopify_stock, slack, stripe, telegram, woocommerce_stock
from sandbox.world import Settings, World

PAGE = Path(__file__).parent / "page"
#: largest body taken, in bytes: Slack takes files of 1 GB, a demo needs no more than this
MOST_BODY = 64 * 1024 * 1024
WORLD = web.AppKey("world", World)


def _page_routes() -> list[web.AbstractRouteDef]:
    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})

    return [web.get("/", index), web.static("/page", PAGE, append_version=False)]


def make_app(world: World) -> web.Application:
    """The aiohttp application around one world."""
    app = web.Application(client_max_size=MOST_BODY)
    app[WORLD] = world
    app.add_routes([*control.control_routes(world), *events.control_routes(world), *_page_routes()])
    app.add_routes([*slack.routes(world), *slack.control_routes(world)])
    app.add_routes([*telegram.routes(world), *telegram.control_routes(world)])
    app.add_routes([*stripe.routes(world), *stripe.control_routes(world)])
    app.add_routes([*shop_orders.routes(world), *shopify_stock.routes(world), *woocommerce_stock.routes(world)])

    async def end(_: web.Application) -> None:
        await world.close()

    app.on_cleanup.append(end)
    return app


async def start(world: World, host: str = "127.0.0.1", port: int = 0) -> web.AppRunner:
    """Listen; `world.address` then says where (port 0: any free one). End it with `runner.cleanup()`."""
    runner = web.AppRunner(make_app(world), access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    bound = runner.addresses[0][1]
    world.address = f"http://{host}:{bound}"
    return runner


@contextlib.asynccontextmanager
async def running(settings: Settings | None = None, port: int = 0) -> AsyncIterator[World]:
    """A running sandbox for as long as the block lasts; gives its world."""
    world = World(settings)
    runner = await start(world, port=port)
    try:
        yield world
    finally:
        await runner.cleanup()
