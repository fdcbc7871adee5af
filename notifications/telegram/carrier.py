"""Letters to Telegram: texts, edits, pictures and files. Telegram has no idempotency key and no way to look back.

So each letter says whether it may be said twice: after an unknown outcome a repeatable one goes out again, marked, the
other is given up and raised.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from aiogram import Bot
from aiogram.types import BufferedInputFile, InlineKeyboardMarkup, LinkPreviewOptions, ReplyParameters

from domain.jobs import Engine, Job, Transaction
from domain.letters import Envelope
from domain.messages import MESSAGES_BY_KIND, MessageClass
from domain.outcomes import Done, Failed, Later, Outcome, Turn, Unknown, wait_before
from notifications.admission import admit
from notifications.catalogue import Catalogue, Words
from notifications.charts import picture
from notifications.detour import Defects, elsewhere, repeated
from notifications.dialect import HTML, PLAIN
from notifications.direct import TOKEN_WAIT
from notifications.pace import distance
from notifications.reach import cannot_reach
from notifications.telegram.calls import ALL, Limited, Lost, Moved, NotSent, Refused, TokenRefused, ask, token_refused
from notifications.telegram.limits import Keyboard, over
from notifications.telegram.texts import CAPTION, TEXT, cut, inline, keyboard, length, text_of

log = logging.getLogger("opsbell.telegram")

#: core.telegram.org/bots/faq: one a second in a chat, 20 a minute in a group, about 30 a second over all
_CHAT_GAP: Final = distance(1, timedelta(seconds=1))
_GROUP_GAP: Final = distance(20, timedelta(minutes=1))
_ALL_GAP: Final = distance(30, timedelta(seconds=1))
#: "short bursts" over one a second are borne; answers to a person who presses quickly need them
_BURST: Final = 3
#: Failed.code: this chat hears nothing of us any more
UNREACHABLE: Final = "unreachable"
#: in the place of a picture that Telegram does not take
_NO_PICTURE: Final = "\n\n<i>A picture belongs here that cannot be shown.</i>"
_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)


@dataclass(frozen=True, kw_only=True)
class TelegramCarrier:
    """Carries ``say.telegram`` jobs."""

    bot: Bot
    engine: Engine
    catalogue: Catalogue
    defects: Defects = field(default_factory=Defects)
    kind: str = "say.telegram"

    def gaps(self, job: Job) -> Mapping[str, timedelta]:
        """The chat's own pace, and that of the whole bot. Answers in a private chat are paced when admitted."""
        gap = _GROUP_GAP if _address(job).startswith("-") else _CHAT_GAP
        return {_chat(job): timedelta(0) if _answers(job) else gap, ALL: _ALL_GAP}

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        """In order within its card, alerts within their chat's budget, answers in short bursts."""
        if (settled := admit(job, transaction)) is not None or not _answers(job):
            return settled
        wait = transaction.gatherings.burst(f"{_chat(job)}:answers", gap=_CHAT_GAP, most=_BURST)
        return Later(wait=wait, reason="waiting for its turn", counts=False) if wait else None

    async def carry(self, job: Job, turn: Turn) -> Outcome:
        """Send or edit."""
        envelope = await self.engine.read(lambda transaction: transaction.letters.open(job))
        if job.in_doubt and not envelope.repeat and _edited(envelope) is None and envelope.posted is None:
            return Failed(reason="nobody knows whether it arrived, and this must not be said twice")
        try:
            return await self._say(job, envelope, turn)
        except Moved as moved:
            address = moved.address
            await self.engine.write(lambda transaction: transaction.letters.moved(job, address))
            return Later(wait=timedelta(0), reason=f"the group is now {address}", counts=False)
        except Refused as error:
            code = UNREACHABLE if error.unreachable else ""
            return Failed(reason=f"Telegram refused: {error.reason}"[:400], code=code)
        except (Limited, Lost, NotSent, TokenRefused) as error:
            return put_off(job, error, lane=_chat(job))

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Remember where a card stands, who has blocked us, and a limit that holds for every chat."""
        if isinstance(outcome, Done) and (message_id := outcome.receipt.get("message_id")):
            transaction.letters.shown(job, str(message_id))
        if isinstance(outcome, Failed) and outcome.code == UNREACHABLE:
            cannot_reach(job, outcome.reason, transaction)
        if isinstance(outcome, Later) and outcome.lane == _chat(job):
            # Telegram does not say which limit was met. Two chats at once: then it is that of the whole bot.
            others = transaction.jobs.held("telegram:chat:", but=outcome.lane)
            if others:
                transaction.jobs.hold(ALL, until=transaction.now + outcome.wait)

    async def _say(self, job: Job, envelope: Envelope, turn: Turn) -> Outcome:
        words = elsewhere(self.catalogue.words(envelope.letter.message, envelope.shop, "telegram"), envelope, HTML)
        plain: dict[str, str] = {}
        edited = _edited(envelope)
        if edited is None and job.in_doubt:
            words = repeated(words, HTML)
        message_id = envelope.posted
        if message_id is None:
            message_id = await self._spoken(envelope, words, edited, plain, turn)
        if edited is None or envelope.posted is not None:
            await self._extras(job, envelope, words, message_id, turn)
        return Done(receipt={"message_id": message_id, **plain})

    async def _spoken(
        self, envelope: Envelope, words: Words, edited: str | None, receipt: dict[str, str], turn: Turn
    ) -> str:
        """The words are there, as they were meant or at least as plain text; the message's id."""
        html, markup = text_of(words, envelope.letter), keyboard(envelope.letter)
        told = ""
        if (problem := over(html, markup)) is None:
            try:
                return await self._placed(envelope, words, html, markup, edited, turn)
            except Refused as error:
                if not error.layout:
                    raise
                problem, told = error.reason, error.phrase
        self.defects.note("telegram", envelope.letter.message.kind, told or problem)
        receipt["plain"] = problem[:200]
        text = self._plain(envelope, marked=words.plain_title.startswith("(repeat)"))
        return await self._placed(envelope, words, text, _harmless(markup), edited, turn)

    def _plain(self, envelope: Envelope, *, marked: bool) -> str:
        words = elsewhere(self.catalogue.words(envelope.letter.message, envelope.shop, "plain"), envelope, PLAIN)
        words = repeated(words, PLAIN) if marked else words
        return cut(str(HTML.escape(words.whole)), TEXT) or "…"

    async def _placed(
        self, envelope: Envelope, words: Words, html: str, markup: Keyboard, edited: str | None, turn: Turn
    ) -> str:
        if edited is not None and await self._edit(envelope, html, markup, int(edited), turn):
            return edited
        return await self._send(envelope, words, html, markup, turn)

    async def _send(self, envelope: Envelope, words: Words, html: str, markup: Keyboard, turn: Turn) -> str:
        reply = None
        if envelope.shown_as is not None and envelope.thread is not None:
            reply = ReplyParameters(message_id=int(envelope.shown_as), allow_sending_without_reply=True)
        pictures = _pictures(envelope, words)
        await turn()
        if pictures and length(html) <= CAPTION:
            try:
                return str((await ask(self.bot.send_photo(
                    envelope.address, pictures[0], caption=html, reply_markup=markup, reply_parameters=reply
                ))).message_id)
            except Refused as error:
                if not error.picture:
                    raise
                self.defects.note("telegram", envelope.letter.message.kind, f"its picture was refused: {error.phrase}")
                html += _NO_PICTURE
            await turn()
        return str((await ask(self.bot.send_message(
            envelope.address, html, reply_markup=markup, reply_parameters=reply, link_preview_options=_NO_PREVIEW
        ))).message_id)

    async def _edit(self, envelope: Envelope, html: str, markup: Keyboard, message_id: int, turn: Turn) -> bool:
        """Whether the message is there to be edited."""
        under = markup if isinstance(markup, InlineKeyboardMarkup) else None
        await turn()
        try:
            await ask(self.bot.edit_message_text(
                html, chat_id=envelope.address, message_id=message_id, reply_markup=under,
                link_preview_options=_NO_PREVIEW,
            ))
        except Refused as error:
            if "not modified" in error.reason:
                return True
            if "message to edit not found" in error.reason or "message can't be edited" in error.reason:
                return False
            if "no text in the message" not in error.reason:
                raise
            short = cut(html, CAPTION)
            await turn()
            try:
                await ask(self.bot.edit_message_caption(
                    chat_id=envelope.address, message_id=message_id, reply_markup=under, caption=short
                ))
            except Refused as again:
                if "not modified" not in again.reason:
                    raise
        return True

    async def _extras(
        self, job: Job, envelope: Envelope, words: Words, message_id: str, turn: Turn
    ) -> None:
        """What did not fit into the message itself, each part once: pictures, then files."""
        letter, address = envelope.letter, envelope.address
        with_words = 1 if length(text_of(words, letter)) <= CAPTION else 0
        pictures = _pictures(envelope, words)[with_words:]
        parts = len(pictures) + len(letter.message.attachments)
        if parts and envelope.posted is None:
            await self._progress(job, message_id, 0)
        for number in range(envelope.extras_done, parts):
            await turn()
            try:
                if number < len(pictures):
                    await ask(self.bot.send_photo(address, pictures[number]))
                else:
                    attached = letter.message.attachments[number - len(pictures)]
                    file = BufferedInputFile(attached.content.encode(), attached.name)
                    await ask(self.bot.send_document(address, file, caption=attached.title[:CAPTION]))
            except Refused as error:
                self.defects.note("telegram", letter.message.kind, f"a part of it was refused: {error.phrase}")
            await self._progress(job, message_id, number + 1)

    async def _progress(self, job: Job, message_id: str, extras_done: int) -> None:
        await self.engine.write(lambda transaction: transaction.letters.progress(job, message_id, extras_done))


@dataclass(frozen=True, kw_only=True)
class TelegramAnswers:
    """Carries ``answer.telegram`` jobs: the small sign that a pressed button was heard."""

    bot: Bot
    kind: str = "answer.telegram"

    def gaps(self, job: Job) -> Mapping[str, timedelta]:  # noqa: ARG002  the Carrier's own signature
        """Answers to presses are not paced."""
        return {ALL: timedelta(0)}

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        """Always."""

    async def carry(self, job: Job, turn: Turn) -> Outcome:
        """Answer once; one that came too late is simply over."""
        text = job.payload.get("text")
        await turn()
        try:
            await ask(self.bot.answer_callback_query(
                str(job.payload["callback"]), text=str(text)[:200] if text else None, show_alert=bool(text)
            ))
        except (Refused, Moved) as error:
            return Done(receipt={"late": str(getattr(error, "reason", ""))[:100]})
        except (Limited, Lost, NotSent, TokenRefused) as error:
            return put_off(job, error, lane=ALL)
        return Done()

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Nothing is left behind."""


def put_off(job: Job, error: Limited | Lost | NotSent | TokenRefused, *, lane: str) -> Outcome:
    """What to do about an error that says nothing against the letter itself."""
    match error:
        case Limited():
            return Later(wait=error.wait, reason="Telegram asked us to wait", lane=lane, counts=False)
        case TokenRefused():
            return Later(wait=TOKEN_WAIT, reason=token_refused(error), lane=ALL, shut=True, counts=False)
        case NotSent():
            return Later(wait=wait_before(job.attempts), reason="Telegram cannot be reached")
        case Lost():
            return Unknown(reason=error.reason)


def _address(job: Job) -> str:
    return str(job.payload["address"])


def _chat(job: Job) -> str:
    """The lane of a chat."""
    return f"telegram:chat:{_address(job)}"


def _answers(job: Job) -> bool:
    """Whether this answers a person in their own chat."""
    kind = MESSAGES_BY_KIND.get(str(job.payload.get("message")))
    return kind is not None and kind.message_class is MessageClass.ANSWER and not _address(job).startswith("-")


def _edited(envelope: Envelope) -> str | None:
    """The message to edit, if this letter edits one."""
    return envelope.message_id or (envelope.shown_as if envelope.card is not None else None)


def _pictures(envelope: Envelope, words: Words) -> list[BufferedInputFile | str]:
    """Charts as a picture of ours, then photos that Telegram keeps; the words stand under the first, if they fit."""
    message = envelope.letter.message
    image = picture(message.charts, words.plain_title)
    found: list[BufferedInputFile | str] = [] if image is None else [BufferedInputFile(image, "chart.png")]
    return found + [photo.file_id for photo in message.photos if photo.platform == "telegram"]


def _harmless(markup: Keyboard) -> Keyboard:
    """The keyboard, unless it is what is wrong."""
    return markup if over("x", markup) is None else inline(())
