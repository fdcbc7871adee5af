"""Charts as pictures, for platforms without charts of their own."""

from __future__ import annotations

import io
import math
import re
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from domain.messages import Chart, ChartKind
from notifications.dialect import clean

_WIDTH, _HEIGHT, _MARGIN = 960, 540, 84
#: a phone shows the picture at about two fifths of its size
_HEAD, _TEXT, _SMALL = 30, 24, 22
_EDGE: Final = 24
_INK: Final = (31, 41, 55)
_FAINT: Final = (209, 213, 219)
_COLOURS: Final = ((37, 99, 235), (217, 119, 6), (5, 150, 105), (190, 24, 93), (124, 58, 237), (75, 85, 99))


def picture(charts: tuple[Chart, ...], title: str) -> bytes | None:
    """The first chart as a PNG of 960 by 540 under a title; None without charts."""
    drawable = [chart for chart in charts if chart.labels and chart.series]
    if not drawable:
        return None
    chart = drawable[0]
    image = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    draw.text((_EDGE, 14), _fitting(_spelt(title, chart.unit)), fill=_INK, font=ImageFont.load_default(_HEAD))
    draw.text((_EDGE, 54), _drawable(chart.title)[:60], fill=_INK, font=ImageFont.load_default(_TEXT))
    _axes(draw, chart)
    for number, series in enumerate(chart.series):
        colour = _COLOURS[number % len(_COLOURS)]
        if chart.kind is ChartKind.BAR:
            _bars(draw, chart, series.values, number, colour)
        else:
            _line(draw, chart, series.values, colour)
        x = _MARGIN + number * 250
        draw.rectangle((x, _HEIGHT - 30, x + 18, _HEIGHT - 12), fill=colour)
        draw.text((x + 26, _HEIGHT - 36), _drawable(series.name)[:20], fill=_INK, font=ImageFont.load_default(_TEXT))
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _drawable(text: str) -> str:
    """The text without signs that the built-in font lacks, such as emoji."""
    return "".join(sign for sign in clean(text) if ord(sign) < 0x2100).strip()


def _spelt(text: str, unit: str) -> str:
    """Signs of currencies by the currency's code: the built-in font has no euro."""
    return re.sub(r"[\u20a0-\u20cf]\s?", f"{unit} " if unit else "", text)


def _fitting(text: str) -> str:
    """As much of a title as the picture is wide."""
    text, font = _drawable(text), ImageFont.load_default(_HEAD)
    while text and font.getlength(text) > _WIDTH - 2 * _EDGE:
        text = text[:-1].rstrip()
    return text


def _top(chart: Chart) -> float:
    """Four round steps above the highest value, so that each line of the axis is a figure that people read."""
    highest = max([1.0, *(value for series in chart.series for value in series.values)])
    size: float = 10.0 ** math.floor(math.log10(highest / 4))
    return 4 * next(size * step for step in (1, 2, 2.5, 5, 10) if 4 * size * step >= highest)


def _figure(value: float) -> str:
    """A figure of the axis, short enough for the margin."""
    if value >= 100_000:
        return f"{value / 1_000_000:g} M" if value >= 1_000_000 else f"{value / 1000:g} k"
    return f"{value:,.0f}" if value.is_integer() else f"{value:g}"


def _place(chart: Chart, number: float, value: float) -> tuple[float, float]:
    """Where a value stands: the middle of its label's column."""
    step = (_WIDTH - 2 * _MARGIN) / len(chart.labels)
    height = _HEIGHT - 3 * _MARGIN + 14
    return _MARGIN + step * (number + 0.5), _HEIGHT - 1.3 * _MARGIN - height * max(0.0, value) / _top(chart)


def _axes(draw: ImageDraw.ImageDraw, chart: Chart) -> None:
    small = ImageFont.load_default(_SMALL)
    for part in range(5):
        value = _top(chart) * part / 4
        y = _place(chart, 0, value)[1]
        draw.line((_MARGIN, y, _WIDTH - _MARGIN, y), fill=_FAINT)
        draw.text((_MARGIN - 8, y), _figure(value), fill=_INK, font=small, anchor="rm")
    every = max(1, -(-len(chart.labels) // 7))
    for number, label in enumerate(chart.labels):
        if number % every == 0:
            x, y = _place(chart, number, 0)
            draw.text((x, y + 6), _drawable(label)[:12], fill=_INK, font=small, anchor="ma")
    if chart.unit:
        draw.text((_WIDTH - _MARGIN, 58), _drawable(chart.unit), fill=_INK, font=small, anchor="ra")


def _bars(
    draw: ImageDraw.ImageDraw, chart: Chart, values: tuple[float, ...], number: int, colour: tuple[int, int, int]
) -> None:
    width = (_WIDTH - 2 * _MARGIN) / len(chart.labels) * 0.8 / len(chart.series)
    floor = _place(chart, 0, 0)[1]
    for place, value in enumerate(values):
        x, y = _place(chart, place, value)
        left = x - width * len(chart.series) / 2 + width * number
        draw.rectangle((left, min(y, floor - 1), left + width * 0.92, floor), fill=colour)


def _line(
    draw: ImageDraw.ImageDraw, chart: Chart, values: tuple[float, ...], colour: tuple[int, int, int]
) -> None:
    points = [_place(chart, number, value) for number, value in enumerate(values)]
    if len(points) > 1:
        draw.line(points, fill=colour, width=4, joint="curve")
    for x, y in points:
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour)
