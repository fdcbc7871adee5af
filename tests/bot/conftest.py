"""The world of returns, on both databases."""

from tests.returns.conftest import world

__all__ = ["world"]
