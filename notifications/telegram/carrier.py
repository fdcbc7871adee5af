"""Letters to Telegram: texts, edits, pictures and files. Telegram has no idempotency key and no way to look back.

So each letter says whether it may be said twice: after an unknown outcome a repeatable one goes out again, the other
is given up and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aiogram import Bot
from aiogram.exceptions import (
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.types import BufferedInputFile, InlineKeyboardMarkup, LinkPreviewOptions, Message, ReplyParameters

from domain.jobs import Engine, Envelope, Job, Transaction
from domain.outcomes import Done, Failed, Later, Outcome, Superseded, Unknown, wait_before
from notifications.catalogue import Catalogue, Words
from notifications.charts import picture
from notifications.telegram.texts import CAPTION, keyboard, length, text_of

#: core.telegram.org/bots/faq: one a second in a chat, 20 a minute in a group, about 30 a second over all
_CHAT_GAP: Final = timedelta(seconds=1)
_GROUP_GAP: Final = timedelta(seconds=3)
_ALL_GAP: Final = timedelta(milliseconds=34)
_BLOCKED: Final = ("bot was blocked by the user", "user is deactivated", "bot can't initiate conversation")


@dataclass(frozen=True, kw_only=True)
class TelegramCarrier:
    """Carries ``say.telegram`` jobs."""

    bot: Bot
    engine: Engine
    catalogue: Catalogue
    kind: str = "say.telegram"

    def gaps(self, job: Job) -> Mapping[str, timedelta]:
        """The chat's own pace, and that of the whole bot."""
        address = str(job.payload["address"])
        gap = _GROUP_GAP if address.startswith("-") else _CHAT_GAP
        if address.startswith("-") or job.payload.get("card"):
            return {f"telegram:{address}": gap, "telegram:all": _ALL_GAP}
        # Answers in a private chat come as fast as the customer presses; Telegram bears short bursts there.
        return {"telegram:all": _ALL_GAP}

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        """Always."""

    async def carry(self, job: Job) -> Outcome:
        """Send or edit; a card whose newer version is on its way is left out."""
        envelope = await self.engine.read(lambda transaction: transaction.letters.open(job))
        if envelope.card is not None and (envelope.newer_waits or envelope.version < envelope.shown_version):
            return Superseded()
        if envelope.thread is not None and envelope.shown_as is None:
            return Later(wait=wait_before(job.attempts), reason="its card is not posted yet")
        if job.in_doubt and not envelope.repeat:
            return Failed(reason="the outcome was unknown, and this must not be said twice")
        try:
            return await self._say(envelope)
        except TelegramAPIError as error:
            return _refused(job, error)
        except (TimeoutError, OSError) as error:
            return Unknown(reason=f"{type(error).__name__} while speaking to Telegram")

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Remember where a card stands, and who has blocked us."""
        if isinstance(outcome, Done) and (message_id := outcome.receipt.get("message_id")):
            transaction.letters.shown(job, str(message_id))
        if isinstance(outcome, Failed) and any(word in outcome.reason for word in _BLOCKED):
            address = str(job.payload["address"])
            if job.shop_id is not None and address.isdigit():
                transaction.of(job.shop_id).customers.unreachable(int(address))

    async def _say(self, envelope: Envelope) -> Outcome:
        words = self.catalogue.words(envelope.letter.message, envelope.shop, "telegram")
        edited = envelope.message_id or (envelope.shown_as if envelope.card is not None else None)
        if edited is not None:
            await self._edit(words, envelope, int(edited))
            return Done(receipt={"message_id": edited})
        sent = await self._send(words, envelope)
        await self._attach(envelope)
        return Done(receipt={"message_id": str(sent.message_id)})

    async def _send(self, words: Words, envelope: Envelope) -> Message:
        letter = envelope.letter
        reply = None
        if envelope.shown_as is not None:
            reply = ReplyParameters(message_id=int(envelope.shown_as), allow_sending_without_reply=True)
        markup = keyboard(letter)
        image = picture(letter.message.charts, words.plain_title)
        html = text_of(words, letter)
        if image is not None:
            short = length(html) <= CAPTION
            sent = await self.bot.send_photo(
                envelope.address, BufferedInputFile(image, "chart.png"), caption=html if short else None,
                reply_markup=markup if short else None, reply_parameters=reply,
            )
            if short:
                return sent
        for photo in letter.message.photos:
            if photo.platform == "telegram":
                await self.bot.send_photo(envelope.address, photo.file_id)
        return await self.bot.send_message(
            envelope.address, html, reply_markup=markup, reply_parameters=reply,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )

    async def _edit(self, words: Words, envelope: Envelope, message_id: int) -> None:
        markup = keyboard(envelope.letter)
        inline = markup if isinstance(markup, InlineKeyboardMarkup) else None
        html = text_of(words, envelope.letter)
        try:
            await self.bot.edit_message_text(
                html, chat_id=envelope.address, message_id=message_id, reply_markup=inline,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        except TelegramBadRequest as error:
            if "not modified" in error.message:
                return
            if "no text in the message" in error.message:
                await self.bot.edit_message_caption(
                    chat_id=envelope.address, message_id=message_id, reply_markup=inline,
                    caption=text_of(words, envelope.letter, limit=CAPTION),
                )
                return
            raise

    async def _attach(self, envelope: Envelope) -> None:
        for attachment in envelope.letter.message.attachments:
            document = BufferedInputFile(attachment.content.encode(), attachment.name)
            await self.bot.send_document(envelope.address, document, caption=attachment.title)


@dataclass(frozen=True, kw_only=True)
class TelegramAnswers:
    """Carries ``answer.telegram`` jobs: the small sign that a pressed button was heard."""

    bot: Bot
    kind: str = "answer.telegram"

    def gaps(self, job: Job) -> Mapping[str, timedelta]:  # noqa: ARG002  the Carrier's own signature
        """Answers to presses are not paced."""
        return {}

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        """Always."""

    async def carry(self, job: Job) -> Outcome:
        """Answer once; one that came too late is simply over."""
        text = job.payload.get("text")
        try:
            await self.bot.answer_callback_query(
                str(job.payload["callback"]), text=str(text)[:200] if text else None, show_alert=bool(text)
            )
        except TelegramBadRequest as error:
            return Done(receipt={"late": error.message[:100]})
        except TelegramAPIError as error:
            return _refused(job, error)
        return Done()

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Nothing is left behind."""


def _refused(job: Job, error: TelegramAPIError) -> Outcome:
    match error:
        case TelegramRetryAfter():
            wait = timedelta(seconds=error.retry_after)
            lane = f"telegram:{job.payload.get('address', 'all')}"
            return Later(wait=wait, reason="Telegram asked us to wait", lane=lane, counts=False)
        case TelegramMigrateToChat():
            return Failed(reason=f"the group has moved to {error.migrate_to_chat_id}: put that into the shop file")
        case TelegramForbiddenError() | TelegramUnauthorizedError() | TelegramBadRequest():
            return Failed(reason=f"Telegram refused: {error.message}"[:400])
        case TelegramServerError() | TelegramNetworkError():
            return Unknown(reason=f"{type(error).__name__} while speaking to Telegram")
    return Later(wait=wait_before(job.attempts), reason=f"Telegram answered: {error.message}"[:400])
