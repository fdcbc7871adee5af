"""The blocks that show figures: data_table, table and data_visualization.

Source: docs.slack.dev/reference/block-kit/blocks/{data-table-block,table-block,data-visualization-block}.
"""

from typing import Any

from sandbox.slack.shapes import (
    Problems,
    Shape,
    anything,
    array,
    boolean,
    both,
    number,
    obj,
    one_of,
    string,
    typed,
)

_CELL = {
    "raw_text": obj({"text": string(10_000)}),
    "raw_number": obj({"value": number(), "text": string(10_000)}),
    "rich_text": obj({"elements": array(anything, 1000, 0)}, {"block_id": string(255)}),
}
_MOST_COLUMNS = 20
_MOST_TABLE_TEXT = 10_000
_CHARTS_PER_MESSAGE = 2


def _text_in(value: Any) -> int:
    """Characters in all "text" fields under `value`."""
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(_text_in(item) for item in value.values())
    if isinstance(value, list):
        return sum(_text_in(item) for item in value)
    return 0


def _even_rows(value: Any, pointer: str, problems: Problems) -> None:
    """Rows of one length, a header without rich text, and not too much text."""
    rows = value["rows"]
    if len({len(row) for row in rows}) > 1:
        problems.add(f"{pointer}/rows", "all rows must have the same number of cells")
    if value["type"] == "data_table":
        for index, cell in enumerate(rows[0]):
            if cell["type"] == "rich_text":
                problems.add(f"{pointer}/rows/0/{index}", "rich_text is not allowed in the header row")
        if value.get("row_header_column_index", 0) >= len(rows[0]):
            problems.add(f"{pointer}/row_header_column_index", "must be an existing column")
    if _text_in(rows) > _MOST_TABLE_TEXT:
        problems.add(f"{pointer}/rows", f"must be less than {_MOST_TABLE_TEXT + 1} characters")


DATA_TABLE = both(
    obj(
        {"caption": string(2000), "rows": array(array(typed(_CELL), _MOST_COLUMNS), 101, 2)},
        {
            "block_id": string(255),
            "page_size": number(1, 100, whole=True),
            "row_header_column_index": number(0, whole=True),
        },
    ),
    _even_rows,
)
_COLUMN = obj({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean})
TABLE = both(
    obj(
        {"rows": array(array(typed(_CELL), _MOST_COLUMNS), 100)},
        {"block_id": string(255), "column_settings": array(_COLUMN, _MOST_COLUMNS)},
    ),
    _even_rows,
)


def _point(value: Shape) -> Shape:
    return obj({"label": string(20), "value": value})


_SERIES = obj({"name": string(20), "data": array(_point(number()), 20)})
_AXIS = obj(
    {"categories": array(string(20), 20)}, {"x_label": string(50), "y_label": string(50)}
)


def _labels_match(value: Any, pointer: str, problems: Problems) -> None:
    """Series names are unique, and every series has one point per category."""
    series = value["series"]
    if len({one["name"] for one in series}) != len(series):
        problems.add(f"{pointer}/series", "series names must be unique")
    for index, one in enumerate(series):
        if [point["label"] for point in one["data"]] != value["axis_config"]["categories"]:
            problems.add(f"{pointer}/series/{index}/data", "labels must match axis_config categories")


_XY = both(obj({"series": array(_SERIES, 6), "axis_config": _AXIS}), _labels_match)
_PIE = obj({"segments": array(_point(number(0)), 6)})
DATA_VISUALIZATION = obj(
    {"title": string(50), "chart": typed({"pie": _PIE, "bar": _XY, "line": _XY, "area": _XY})},
    {"block_id": string(255)},
)


def too_many_charts(blocks: list[Any], problems: Problems) -> None:
    """A message holds at most two charts."""
    charts = [one for one in blocks if one["type"] == "data_visualization"]
    if len(charts) > _CHARTS_PER_MESSAGE:
        problems.add("/blocks", f"no more than {_CHARTS_PER_MESSAGE} data_visualization blocks allowed")
