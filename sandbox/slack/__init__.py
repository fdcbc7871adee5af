"""Slack as an app sees it: Web API, files, response URLs, Socket Mode, signed requests, and its control verbs."""

from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.slack.state import State

if TYPE_CHECKING:
    from sandbox.world import World

__all__ = ["State", "control_routes", "routes"]


def routes(world: "World") -> list[web.RouteDef]:
    """What the app calls: /slack/..."""
    # The routes need World's own errors, and World needs State from here: so they are imported late.
    from sandbox.slack import api, file_methods, responses, sockets

    return [
        *api.routes(world),
        *file_methods.routes(world),
        *responses.routes(world),
        *sockets.routes(world),
    ]


def control_routes(world: "World") -> list[web.RouteDef]:
    """What tests and the page call: /control/slack/..."""
    from sandbox.slack import control

    return control.routes(world)
