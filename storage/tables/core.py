"""What every table shares: the metadata, the type of an instant, and the column that names the shop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: later than anything
END_OF_TIME: Final = datetime(9999, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970 of an aware moment: what ``Instant`` keeps."""
    return (moment - EPOCH) // _MICROSECOND


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime, kept as whole microseconds since 1970: the same order and size on every database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Microseconds of an aware datetime; a naive one is refused, since its zone would be a guess."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant needs a time zone, got {value!r}")
        return microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """The instant in UTC."""
        del dialect
        return None if value is None else EPOCH + timedelta(microseconds=value)


#: SQLite counts only an INTEGER primary key up by itself; PostgreSQL gets the wide type.
RowId: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def row_id() -> sa.Column[int]:
    """A table's own number for its rows."""
    return sa.Column("id", RowId, primary_key=True, autoincrement=True)


def shop_id() -> sa.Column[int]:
    """The shop a row belongs to: on every row, and in every query."""
    return sa.Column("shop_id", RowId, sa.ForeignKey("shops.id", ondelete="CASCADE"), nullable=False)


def link(name: str, target: str, *, nullable: bool = False) -> sa.Column[int]:
    """A reference to another table's row."""
    return sa.Column(name, RowId, sa.ForeignKey(f"{target}.id", ondelete="CASCADE"), nullable=nullable)


def text(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[str]:
    """A text column; empty by default where a default is given."""
    return sa.Column(name, sa.Text(), nullable=nullable, server_default=default)


def count(name: str, default: int | None = 0) -> sa.Column[int]:
    """A whole number of things, zero unless said otherwise; ``default=None`` makes it nullable."""
    if default is None:
        return sa.Column(name, sa.BigInteger(), nullable=True)
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default=str(default))


def minor(name: str, *, nullable: bool = False) -> sa.Column[int]:
    """An amount of money in minor units; the currency stands beside it or on the shop."""
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def instant(name: str, *, nullable: bool = False, default: datetime | None = None) -> sa.Column[datetime]:
    """A moment, aware and in UTC."""
    given = None if default is None else sa.text(str(microseconds(default)))
    return sa.Column(name, Instant(), nullable=nullable, server_default=given)


def flag(name: str, *, default: bool) -> sa.Column[bool]:
    """Yes or no."""
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.true() if default else sa.false())
