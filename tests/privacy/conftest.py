"""A world on each database."""

from tests.returns.conftest import world

__all__ = ["world"]
