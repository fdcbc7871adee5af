"""Finding a variant by what somebody typed, and saying what they may have meant."""

from __future__ import annotations

import re
from difflib import get_close_matches

from domain.errors import NotFound
from domain.inventory.model import Variant
from domain.ports import UnitOfWork


def search_variants(text: str, uow: UnitOfWork, limit: int = 6) -> tuple[Variant, ...]:
    """The exact SKU alone, else everything whose SKU or title contains the text.

    A number that goes on is another number: BLU-MUG-30 is not BLU-MUG-300.
    """
    text = text.strip()
    exact = uow.inventory.by_sku(text) if text else None
    if exact is not None:
        return (exact,)
    found = uow.inventory.search(text, limit) if text else ()
    return tuple(one for one in found if _holds(text, one.sku) or _holds(text, one.title))


def _holds(text: str, words: str) -> bool:
    return re.search(re.escape(text) + (r"(?!\d)" if text[-1:].isdigit() else ""), words, re.IGNORECASE) is not None


def find_variant(uow: UnitOfWork, text: str) -> Variant:
    """The one variant that is meant; NotFound with the nearest SKU."""
    found = search_variants(text, uow)
    if len(found) != 1:
        raise NotFound(near_misses(uow, text))
    return found[0]


def near_misses(uow: UnitOfWork, text: str) -> str:
    """The sentence for an unknown SKU: "I don't know SKU BLU-MUG-30. Did you mean BLU-MUG-300?"."""
    shown = text.strip()[:40]
    skus = uow.inventory.skus()
    longer = [sku for sku in skus if sku.upper().startswith(shown.upper())]
    near = longer[:3] or get_close_matches(shown.upper(), {sku.upper(): sku for sku in skus}, n=3, cutoff=0.6)
    if not near:
        return f"I don't know SKU {shown}. Try a part of the product's name."
    return f"I don't know SKU {shown}. Did you mean {' or '.join(near)}?"
