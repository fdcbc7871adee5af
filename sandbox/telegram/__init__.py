"""Telegram in the sandbox: the Bot API, and what its people do on their phones.

`State(world)` holds everything; `routes` is the Bot API, `control_routes` what people do.
"""

from sandbox.telegram.api import routes
from sandbox.telegram.control import control_routes
from sandbox.telegram.state import State

__all__ = ["State", "control_routes", "routes"]
