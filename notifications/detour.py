"""What both platforms' letters have in common when something is in the way: detours, repeats and defects."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field, replace

from markupsafe import Markup

from domain.letters import Envelope
from notifications.catalogue import Words
from notifications.dialect import Dialect

log = logging.getLogger("opsbell.letters")


@dataclass(frozen=True)
class Defects:
    """Letters whose layout was refused, and that went out as plain text: a bug of ours each time. Since the start."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def note(self, platform: str, kind: str, problem: str) -> None:
        """Count one. ``kind``: the message's."""
        self.counts[platform, kind] += 1
        log.error("a %s could not be shown in %s as it should be: %s", kind, platform, problem)


def elsewhere(words: Words, envelope: Envelope, dialect: Dialect) -> Words:
    """The words, with a line that says why they stand here if the right chat refuses them."""
    if envelope.instead_of is None:
        return words
    topic = envelope.letter.message.topic.value
    said = dialect.escape(
        f"This belongs into the {topic} chat ({envelope.instead_of}). Invite me there, or name another chat in the "
        "shop file; until then it comes to you."
    )
    return replace(words, note=Markup("\n").join([part for part in (words.note, dialect.italic(said)) if part]))


def repeated(words: Words, dialect: Dialect) -> Words:
    """The words, marked: an earlier attempt may have been heard already."""
    mark = dialect.escape("(repeat) ")
    return replace(words, title=mark + words.title, plain_title=f"(repeat) {words.plain_title}")
