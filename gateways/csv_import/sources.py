"""The files of an import: found by their mapping, opened whatever they are packed in, read line by line."""

from __future__ import annotations

import gzip
import io
import lzma
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import BinaryIO, Final, cast

from domain.errors import BadInput, NotFound
from gateways.csv_import.mapping import FileEntry, Mapping

_PACKINGS: Final = (".gz", ".xz")
_BUFFER: Final = 1 << 18


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file, and the entry of the mapping that says what its rows tell."""

    path: Path
    entry: FileEntry

    @property
    def size(self) -> int:
        """Bytes on disk, packed as they are."""
        return self.path.stat().st_size


def stem(path: Path) -> str:
    """The name without .csv and what it is packed in."""
    name = path.name.lower()
    for packing in _PACKINGS:
        name = name.removesuffix(packing)
    return name.removesuffix(".csv")


def find_sources(mapping: Mapping, paths: Sequence[Path]) -> tuple[Source, ...]:
    """The files in the mapping's order; BadInput where one is missing or fits nothing.

    A folder gives every file that the mapping knows and may hold others; a file that was named must fit.
    """
    folders = [path for path in paths if path.is_dir()]
    named = [path for path in paths if not path.is_dir()]
    if absent := [str(path) for path in named if not path.is_file()]:
        raise NotFound(f"There is no file {', '.join(absent)}.")
    inside = [path for folder in folders for path in sorted(folder.iterdir()) if path.is_file() and _is_csv(path)]
    sources = [
        Source(path=path, entry=entry)
        for entry in mapping.files
        for path in (*named, *inside)
        if fnmatch(stem(path), entry.name.lower()) or (len(mapping.files) == 1 and path in named)
    ]
    fitting = {source.path for source in sources}
    if strange := [path.name for path in named if path not in fitting]:
        names = ", ".join(entry.name for entry in mapping.files)
        raise BadInput(f"The mapping {mapping.name} does not know the file {', '.join(strange)}. It knows: {names}.")
    have = {source.entry.name for source in sources}
    if folders and (missing := [entry.name for entry in mapping.files if entry.needed and entry.name not in have]):
        found = ", ".join(path.name for path in inside) or "no CSV files"
        raise BadInput(f"The mapping {mapping.name} needs the file {', '.join(missing)}. The folder has {found}.")
    return tuple(sources)


def _is_csv(path: Path) -> bool:
    return path.name.lower().endswith((".csv", ".csv.gz", ".csv.xz"))


class OpenSource:
    """Lines of an open file, and how far into it they are.

    Bytes that are no text of the encoding arrive as lone surrogates, and ``broken`` says that the lines since it was
    last reset have some: their row is then refused, and the next one read on.
    """

    def __init__(self, raw: BinaryIO, text: io.TextIOWrapper) -> None:
        self._raw = raw
        self._text = text
        self.broken = False

    @property
    def place(self) -> int | None:
        """Bytes read so far, of the file as it is on disk; None once it was read to its end and closed."""
        return None if self._raw.closed else self._raw.tell()

    def __iter__(self) -> Iterator[str]:
        for line in self._text:
            if not line.isascii() and _has_surrogate(line):
                self.broken = True
            yield line


def _has_surrogate(line: str) -> bool:
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


@contextmanager
def opened(path: Path, encoding: str) -> Iterator[OpenSource]:
    """The file's lines, unpacked by what its first bytes say it is, whatever its name."""
    codec = "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding
    with path.open("rb") as raw:
        start = raw.read(6)
        raw.seek(0)
        unpacked = _unpacked(raw, start)
        try:
            buffered = io.BufferedReader(cast("io.RawIOBase", unpacked), _BUFFER)
            text = io.TextIOWrapper(buffered, codec, "surrogateescape", "")
        except LookupError:
            raise BadInput(f"{encoding!r} is not a text encoding that I know.") from None
        with text:
            yield OpenSource(raw, text)


def _unpacked(raw: BinaryIO, start: bytes) -> BinaryIO:
    if start.startswith(b"\x1f\x8b"):
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw, mode="rb"))
    if start == b"\xfd7zXZ\x00":
        return cast("BinaryIO", lzma.LZMAFile(raw, "rb"))
    return raw
