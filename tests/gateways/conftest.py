"""The world of returns, for those who carry its refunds."""

from tests.returns.conftest import world

__all__ = ["world"]
