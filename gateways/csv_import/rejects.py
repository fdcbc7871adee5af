"""The file of refused rows: it is opened in a spreadsheet, so nothing in it may be taken for a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TextIO

from domain.imports import Reject

if TYPE_CHECKING:
    from _csv import Writer

_HEADER: Final = ("file", "row", "field", "value", "reason")
#: a cell that starts with one of these is run as a formula (OWASP, "CSV Injection")
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_LONGEST: Final = 500


def spreadsheet_safe(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would run it; unprintable bytes made visible."""
    shown = text[:_LONGEST].encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    return f"'{shown}" if shown.startswith(_FORMULA_STARTS) else shown


class RejectsFile:
    """Made with the first row that is refused: no rejects, no file."""

    def __init__(self, path: Path) -> None:
        """``path`` must not exist: what an earlier import said is never overwritten."""
        self._path = path
        self._file: TextIO | None = None
        self.count = 0

    @property
    def path(self) -> Path | None:
        """Where it stands; None while nothing was refused."""
        return self._path if self._file else None

    def add(self, file: str, rejects: Iterable[Reject]) -> None:
        """Write them down, one line each."""
        for reject in rejects:
            self._writer().writerow([
                spreadsheet_safe(file), reject.number,
                *(spreadsheet_safe(text) for text in (reject.field, reject.value, reject.reason)),
            ])
            self.count += 1

    def _writer(self) -> Writer:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("x", encoding="utf-8", newline="")
            csv.writer(self._file).writerow(_HEADER)
        return csv.writer(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()
