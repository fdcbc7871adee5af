"""What can happen to the demo shop, at the press of a button."""

from sandbox.events.control import control_routes
from sandbox.events.listed import EVENTS

__all__ = ["EVENTS", "control_routes"]
