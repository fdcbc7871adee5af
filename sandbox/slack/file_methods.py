"""Files in three steps: ask for an address, upload the bytes there, complete and share.

Source: docs.slack.dev/messaging/working-with-files, read 2026-11-23.
"""

import mimetypes
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.faults import Fault, answer_with_fault
from sandbox.people import BOT_USER
from sandbox.slack.calls import Call, Json, Method, SlackError
from sandbox.slack.chat_methods import channel_for, read_blocks
from sandbox.slack.shown import file_json, show_new
from sandbox.slack.state import Channel, File, Message

if TYPE_CHECKING:
    from sandbox.world import World

#: Slack's limit for one file
MOST_FILE_BYTES = 1_000_000_000
MOST_ALT_TEXT = 1_000


def _get_upload_url(call: Call) -> Json:
    length = call.whole("length", 0, 1, MOST_FILE_BYTES)
    name = call.text("filename")
    if len(call.text("alt_txt")) > MOST_ALT_TEXT:
        raise SlackError("alt_txt_too_large")
    state = call.world.slack
    file = File(
        id=state.new_id("F0"),
        name=name.replace("/", "_"),
        length=length,
        title=name,
        alt_text=call.text("alt_txt"),
        mimetype=mimetypes.guess_type(name)[0] or "application/octet-stream",
    )
    state.files[file.id] = file
    return {"upload_url": f"{call.world.address}/slack/upload/{file.id}", "file_id": file.id}


def _asked_files(call: Call) -> list[File]:
    """The uploaded files of the call, titles set. Raises file_not_found, invalid_arguments."""
    given: Any = call.arguments.get("files")
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise SlackError("invalid_arguments", "must provide an array of objects [json-pointer:/files]")
    files = []
    for one in given:
        file = call.world.slack.files.get(str(one.get("id")))
        if file is None or file.content is None or file.completed:
            raise SlackError("file_not_found")
        file.title = str(one.get("title") or file.name)
        files.append(file)
    return files


def _share(call: Call, channel: Channel, files: list[File]) -> None:
    """Post the files as one message of the bot. Raises SlackError."""
    state = call.world.slack
    thread = call.text("thread_ts") or None
    if thread and (channel.id, thread) not in state.messages:
        raise SlackError("channel_not_found")
    blocks = read_blocks(call.arguments.get("blocks"), state)
    message = Message(
        channel=channel.id,
        ts=state.new_ts(),
        user=BOT_USER,
        text=call.text("initial_comment"),
        blocks=blocks or [],
        entry={},
        thread_ts=thread,
        files=files,
    )
    for file in files:
        file.shares[channel.id] = message.ts
    show_new(message, state)


def _complete(call: Call) -> Json:
    files = _asked_files(call)
    wanted = call.text("channel_id") or call.text("channels")
    if wanted:
        for key in wanted.split(","):
            call.arguments["channel_id"] = key.strip()
            _share(call, channel_for(call, "channel_id", posting=True), files)
    for file in files:
        file.completed = True
    return {"files": [file_json(file, call.world.slack) for file in files]}


def _info(call: Call) -> Json:
    file = call.world.slack.files.get(call.text("file"))
    if file is None or not file.completed:
        raise SlackError("file_not_found")
    return {"file": file_json(file, call.world.slack), "comments": [], "paging": {"count": 100, "total": 0}}


METHODS = (
    Method(
        name="files.getUploadURLExternal",
        act=_get_upload_url,
        tier=4,
        required=("filename", "length"),
        takes_json=False,
    ),
    Method(name="files.completeUploadExternal", act=_complete, tier=4, required=("files",)),
    Method(name="files.info", act=_info, tier=4, required=("file",), takes_json=False),
)


async def _bytes_of(request: web.Request) -> bytes:
    """The uploaded bytes, raw or as the first file of a multipart form."""
    if request.content_type != "multipart/form-data":
        return await request.read()
    for part in (await request.post()).values():
        if isinstance(part, web.FileField):
            return part.file.read()
    return b""


def routes(world: "World") -> list[web.RouteDef]:
    """Where bytes are uploaded to, and where files are read from (the page reads them without a token)."""

    async def store(request: web.Request) -> web.Response:
        file = world.slack.files.get(request.match_info["file"])
        if file is None or file.content is not None:
            return web.Response(status=404, text="not found")
        content = await _bytes_of(request)
        if len(content) != file.length:
            return web.Response(status=400, text=f"expected {file.length} bytes, got {len(content)}")
        file.content = content
        world.record("slack", "in", "upload", {"file": file.id, "bytes": len(content)}, "ok")
        return web.Response(text=f"OK - {len(content)}")

    def refuse(fault: Fault) -> web.Response:
        return web.Response(status=fault.status or (429 if fault.kind == "ratelimit" else 500), text=fault.error)

    async def upload(request: web.Request) -> web.StreamResponse:
        fault = world.faults.take("slack", "upload")
        return await answer_with_fault(request, fault, lambda: store(request), refuse)

    async def read(request: web.Request) -> web.Response:
        file = world.slack.files.get(request.match_info["file"])
        if file is None or file.content is None:
            return web.Response(status=404, text="not found")
        return web.Response(body=file.content, content_type=file.mimetype)

    return [
        web.post("/slack/upload/{file}", upload),
        web.get("/slack/files/{file}/{name:.*}", read),
    ]
