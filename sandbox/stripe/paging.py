"""Stripe's lists: newest first, a page at a time, by a cursor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sandbox.stripe.errors import Malformed
from sandbox.stripe.objects import Json


def paged(url: str, found: Iterable[Json], params: Json) -> Json:
    """A page of a list that is newest first; ``limit`` 1 to 100, 10 if not given."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise Malformed(
            f"This value must be {'greater' if limit < 1 else 'less'} than or equal to {1 if limit < 1 else 100}.",
            code="parameter_invalid_integer",
            param="limit",
        )
    rows = [row for row in found if _within(row["created"], params.get("created", {}))]
    ids = [row["id"] for row in rows]
    if "starting_after" in params:
        first = _place(ids, params["starting_after"], "starting_after") + 1
        page, more = rows[first : first + limit], len(rows) > first + limit
    elif "ending_before" in params:
        last = _place(ids, params["ending_before"], "ending_before")
        page, more = rows[max(0, last - limit) : last], last > limit
    else:
        page, more = rows[:limit], len(rows) > limit
    return {"object": "list", "data": page, "has_more": more, "url": url}


def _within(created: int, bounds: Mapping[str, int]) -> bool:
    tests = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
    return all(tests[bound](created, value) for bound, value in bounds.items())


def _place(ids: list[str], id_: str, param: str) -> int:
    if id_ not in ids:
        raise Malformed(f"No such object: '{id_}'", code="resource_missing", param=param)
    return ids.index(id_)
