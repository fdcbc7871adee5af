"""A slice of the hostile machine."""

from __future__ import annotations

import pytest

from tests.faults.hostile import check


@pytest.mark.parametrize("seed", range(2))
def test_random_hostile_texts_are_only_words(seed: int) -> None:
    texts, found = check(seed, 3000)
    assert texts >= 3000
    assert found == []
