"""Stripe on this machine: payment intents, charges, refunds, disputes, events, with Stripe's real semantics."""

from sandbox.stripe.api import routes
from sandbox.stripe.control import control_routes
from sandbox.stripe.state import State

__all__ = ["State", "control_routes", "routes"]
