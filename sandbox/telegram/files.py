"""Files Telegram keeps: photos people send, and what the bot uploads.

A file id is the bot's own name for a file; the unique id is the same for every bot and cannot be downloaded.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.telegram.arguments import Json
from sandbox.telegram.errors import ApiError, bad_request
from sandbox.telegram.pictures import read_picture

if TYPE_CHECKING:
    from sandbox.world import World

#: bytes: core.telegram.org/bots/api#sending-files and #getfile
MOST_PHOTO = 10 * 1024 * 1024
MOST_UPLOAD = 50 * 1024 * 1024
MOST_DOWNLOAD = 20 * 1024 * 1024
#: how long a link works; Telegram promises at least an hour
LINK_LIFE = timedelta(hours=1)
#: pixels of width and height together, and how much longer one side may be
MOST_PIXELS = 10_000
MOST_RATIO = 20


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """One file; `kind` is "photos" or "documents", the first part of its path."""

    file_id: str
    unique_id: str
    kind: str
    path: str
    name: str
    mimetype: str
    content: bytes
    #: pixels; 0: no picture
    width: int = 0
    height: int = 0

    def as_file(self) -> Json:
        """The File that getFile gives."""
        return {
            "file_id": self.file_id,
            "file_unique_id": self.unique_id,
            "file_size": len(self.content),
            "file_path": self.path,
        }

    def as_photo_size(self) -> Json:
        """The PhotoSize inside a message."""
        return {
            "file_id": self.file_id,
            "file_unique_id": self.unique_id,
            "width": self.width,
            "height": self.height,
            "file_size": len(self.content),
        }

    def as_document(self) -> Json:
        """The Document inside a message."""
        return {
            "file_id": self.file_id,
            "file_unique_id": self.unique_id,
            "file_name": self.name,
            "mime_type": self.mimetype,
            "file_size": len(self.content),
        }


@dataclass(frozen=True, kw_only=True)
class Photo:
    """One photo in its sizes, smallest first."""

    sizes: tuple[StoredFile, ...]

    def as_json(self) -> list[Json]:
        """The `photo` of a message."""
        return [size.as_photo_size() for size in self.sizes]

    @property
    def largest(self) -> StoredFile:
        """The picture itself."""
        return self.sizes[-1]


class Files:
    """All files, by id and by path; photos by the id of any of their sizes."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._count = 0
        self.by_id: dict[str, StoredFile] = {}
        self.by_path: dict[str, StoredFile] = {}
        self.photos: dict[str, Photo] = {}
        #: path -> when getFile last gave the link
        self.linked: dict[str, datetime] = {}

    def clear(self) -> None:
        """Forget all files."""
        self._count = 0
        self.by_id.clear()
        self.by_path.clear()
        self.photos.clear()
        self.linked.clear()

    def download(self, path: str) -> StoredFile | None:
        """The file behind a link; None: there is none, or getFile did not give the link within the hour."""
        given_at = self.linked.get(path)
        if given_at is None or self._world.clock.now() - given_at > LINK_LIFE:
            return None
        return self.by_path[path]

    def keep(self, kind: str, name: str, mimetype: str, content: bytes) -> StoredFile:
        """Store one file under a new id; equal contents share their unique id."""
        picture = read_picture(content)
        extension = picture.extension if picture else name.rpartition(".")[2] or "bin"
        digest = hashlib.sha256(kind.encode() + content).digest()
        salt = self._count.to_bytes(4, "big")
        prefix = "AgACAgIAAxkBAAI" if kind == "photos" else "BQACAgIAAxkBAAI"
        stored = StoredFile(
            file_id=prefix + base64.urlsafe_b64encode(salt + digest + digest[:6]).decode().rstrip("="),
            unique_id="AQAD" + base64.urlsafe_b64encode(digest[:9]).decode(),
            kind=kind,
            path=f"{kind}/file_{self._count}.{extension}",
            name=name,
            mimetype=mimetype,
            content=content,
            width=picture.width if picture else 0,
            height=picture.height if picture else 0,
        )
        self._count += 1
        self.by_id[stored.file_id] = stored
        self.by_path[stored.path] = stored
        return stored

    def keep_photo(self, contents: Sequence[bytes]) -> Photo:
        """Store a photo in the sizes given, smallest first."""
        sizes = []
        for content in contents:
            picture = read_picture(content)
            if picture is None:
                raise bad_request("IMAGE_PROCESS_FAILED")
            sizes.append(self.keep("photos", f"photo.{picture.extension}", picture.mimetype, content))
        photo = Photo(sizes=tuple(sizes))
        for size in sizes:
            self.photos[size.file_id] = photo
        return photo

    def url(self, stored: StoredFile) -> str:
        """Where the sandbox's page can load the file."""
        return f"{self._world.address}/control/telegram/file/{stored.path}"


def check_photo(content: bytes) -> None:
    """Refuse what Telegram takes for no photo. Raises ApiError.

    Limits: core.telegram.org/bots/api#sendphoto, read 2026-11-24.
    """
    check_upload(content)
    if len(content) > MOST_PHOTO:
        raise bad_request(
            f"file of size {len(content)} bytes is too big for a photo; the maximum size is {MOST_PHOTO} bytes"
        )
    picture = read_picture(content)
    if picture is None:
        raise bad_request("IMAGE_PROCESS_FAILED")
    short, long = sorted((picture.width, picture.height))
    if short + long > MOST_PIXELS or long > MOST_RATIO * short:
        raise bad_request("PHOTO_INVALID_DIMENSIONS")


def check_upload(content: bytes) -> None:
    """Refuse an empty or a too large file. Raises ApiError."""
    if not content:
        raise bad_request("file must be non-empty")
    if len(content) > MOST_UPLOAD:
        raise ApiError(413, "Request Entity Too Large")
