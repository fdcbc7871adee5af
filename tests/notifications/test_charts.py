"""Pictures of charts: what a phone can read, with no sign that the built-in font lacks."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from domain.messages import Chart, ChartKind, Series
from notifications.charts import _figure, _top, picture


def chart(*values: float, kind: ChartKind = ChartKind.LINE) -> Chart:
    return Chart(
        title="Revenue", kind=kind, unit="EUR", series=(Series(name="last days", values=values),),
        labels=tuple(f"Wed {day}" for day in range(1, len(values) + 1)),
    )


def test_a_euro_is_written_as_its_code_since_the_font_has_none() -> None:
    assert picture((chart(1, 2),), "€357.80 from 7 orders") == picture((chart(1, 2),), "EUR 357.80 from 7 orders")
    assert picture((chart(1, 2),), "357.80 €") != picture((chart(1, 2),), "357.80")


@pytest.mark.parametrize(("highest", "top"), [(6, 8), (8, 8), (6074, 8000), (0.3, 1), (97, 100), (99.9, 100), (101, 200), (4e7, 4e7)])
def test_the_axis_ends_at_a_round_figure_above_everything(highest: float, top: float) -> None:
    assert _top(chart(0, highest)) == pytest.approx(top)


@pytest.mark.parametrize(("value", "shown"), [(0.0, "0"), (2000.0, "2,000"), (0.25, "0.25"), (250_000.0, "250 k"), (7_500_000.0, "7.5 M")])
def test_a_figure_of_the_axis_is_short(value: float, shown: str) -> None:
    assert _figure(value) == shown


@pytest.mark.parametrize("kind", list(ChartKind))
def test_nothing_is_drawn_past_the_picture(kind: ChartKind) -> None:
    made = picture((chart(*range(1_000_000, 15_000_000, 1_000_000), kind=kind),), "W" * 200)
    assert made is not None
    image = Image.open(io.BytesIO(made)).convert("L")
    assert image.size == (960, 540)
    edges = [image.crop(box).getextrema() for box in ((0, 0, 4, 540), (956, 0, 960, 540), (0, 0, 960, 4), (0, 536, 960, 540))]
    assert edges == [(255, 255)] * 4


def test_no_chart_is_no_picture() -> None:
    assert picture((), "Nothing") is None
