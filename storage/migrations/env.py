"""What Alembic runs: the migrations, on the connection that storage.upgrade hands over in its own transaction."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

from storage.tables import Instant, metadata


def plain_type(kind: str, item: object, autogen: AutogenContext) -> str | Literal[False]:
    """A migration names database types only, so that it still runs when our own types have changed."""
    del autogen
    return "sa.BigInteger()" if kind == "type" and isinstance(item, Instant) else False


def same_type(
    _context: object, _inspected: object, _column: object, inspected: sa.types.TypeEngine[object], ours: object
) -> bool | None:
    """Let Alembic compare, except that SQLite knows one INTEGER for every width."""
    return False if isinstance(inspected, sa.Integer) and isinstance(ours, (sa.BigInteger, Instant)) else None


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    # SQLite can undo its DDL too, once the driver is told not to begin and commit by itself (storage.database)
    transactional_ddl=True,
    render_as_batch=True,
    render_item=plain_type,
    compare_type=same_type,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
