"""The arguments of one Bot API call, whichever way they came: query, form, multipart or JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, web

from sandbox.telegram.errors import ApiError, bad_request

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that came inside the call."""

    name: str
    content: bytes
    mimetype: str


@dataclass(kw_only=True)
class Arguments:
    """The values of one call by name; readers raise ApiError with Telegram's words."""

    values: Json = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A string; missing is empty. Numbers and booleans of JSON bodies become their JSON text."""
        value = self.values.get(name)
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def flag(self, name: str) -> bool:
        """A boolean: true, yes, y or 1 in any case."""
        return self.text(name).strip().lower() in {"true", "yes", "y", "1"}

    def number(self, name: str, default: int = 0) -> int:
        """A whole number; what is not one counts as the default, as Telegram does."""
        try:
            return int(self.text(name).strip() or default)
        except ValueError:
            return default

    def json(self, name: str, refusal: str) -> Any:
        """A JSON value, or None when missing or empty; `refusal` words the error when it is no JSON."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(refusal) from None

    def logged(self) -> Json:
        """The arguments as the call log shows them: JSON texts unfolded, files by name and size."""
        shown: Json = {}
        for name, value in self.values.items():
            shown[name] = _unfolded(value)
        for name, upload in self.uploads.items():
            shown[name] = f"file {upload.name}, {len(upload.content)} bytes"
        return shown


def _unfolded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


async def _read_part(part: BodyPartReader, arguments: Arguments) -> None:
    name = part.name or ""
    content = bytes(await part.read(decode=True))
    if part.filename is None:
        arguments.values[name] = content.decode("utf-8", "replace")
    else:
        mimetype = part.headers.get("Content-Type", "application/octet-stream")
        arguments.uploads[name] = Upload(name=part.filename, content=content, mimetype=mimetype)


async def read_multipart(reader: MultipartReader, arguments: Arguments) -> None:
    """Add the parts of a multipart body."""
    while (part := await reader.next()) is not None:
        if isinstance(part, BodyPartReader):
            await _read_part(part, arguments)


def read_json(body: bytes, arguments: Arguments) -> None:
    """Add the members of a JSON object; raises ApiError when it is none."""
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        raise bad_request("can't parse JSON encoded body") from None
    if not isinstance(value, dict):
        raise bad_request("JSON object expected")
    arguments.values.update(value)


async def read_arguments(request: web.Request) -> Arguments:
    """Everything the call says; raises ApiError when the body cannot be read."""
    arguments = Arguments(values=dict(request.query))
    if request.method == "GET" or not request.can_read_body:
        return arguments
    match request.content_type:
        case "application/json":
            read_json(await request.read(), arguments)
        case "application/x-www-form-urlencoded":
            form: Mapping[str, Any] = await request.post()
            arguments.values.update({name: str(value) for name, value in form.items()})
        case "multipart/form-data":
            try:
                await read_multipart(await request.multipart(), arguments)
            except (ValueError, AssertionError):
                raise ApiError(400, "Bad Request: can't parse multipart body") from None
        case _:
            pass
    return arguments
