"""The world of returns, for those who carry its refunds; two replicas, for those who ask shop systems."""

from tests.gateways.replicas import replicas
from tests.returns.conftest import world

__all__ = ["replicas", "world"]
