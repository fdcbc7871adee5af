"""What customers type, understood as far as a step allows; and the labels of their buttons, by language."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from domain.returns.model import CUSTOMER_REASONS, Reason

#: labels of buttons; a language is added by a further entry, and English stands in for what it lacks
_LABELS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "where": "Where is my parcel?", "return": "Return something", "back_in_stock": "Tell me when it's back",
        "other_order": "Another order", "share": "Share my phone number", "next": "Next", "back": "← Back",
        "cancel": "Cancel", "send": "Send", "change": "Change", "arrived": "It has arrived", "menu": "Something else",
        "again": "Try again", "cancel_return": "Cancel the return", "all": "All of it",
        "damaged": "Arrived broken", "wrong_item": "Wrong item", "not_as_described": "Not as described",
        "changed_mind": "Changed my mind", "too_late": "Arrived too late", "other": "Something else",
    },
}

_NUMBERS: Final[dict[str, int]] = {
    word: value
    for value, words in {
        1: "one a an single ein eine einen eins um uma un una une uno",
        2: "two both couple zwei beide dois duas dos deux ambos",
        3: "three drei tres trois", 4: "four vier quatro cuatro quatre", 5: "five funf fuenf cinco cinq",
        6: "six sechs seis", 7: "seven sieben sete siete sept", 8: "eight acht oito ocho huit",
        9: "nine neun nove nueve neuf", 10: "ten zehn dez diez dix", 11: "eleven elf onze once",
        12: "twelve zwolf zwoelf doze doce douze",
    }.items()
    for word in words.split()
}
_ALL: Final = frozenset("all everything alle alles todos todas todo tudo tous tout".split())
_YES: Final = frozenset("yes y ok okay send confirm sure ja sim si oui enviar senden".split())
_BACK: Final = frozenset("back zuruck zurueck voltar atras retour".split())
_CANCEL: Final = frozenset("cancel stop abort abbrechen cancelar annuler".split())
_THANKS: Final = frozenset(
    "thanks thank thx no nothing great danke nein obrigado obrigada nao gracias merci non perfect bye".split()
)
_HELLO: Final = frozenset("hi hello hey hallo moin ola hola bonjour salut start menu back zuruck".split())
_NEXT: Final = frozenset("next done weiter ready continue pronto listo fini".split())

_REASONS: Final[tuple[tuple[Reason, str], ...]] = (
    (Reason.WRONG_ITEM, "wrong|different item|not what i ordered|falsch|errado|equivocad|mauvais"),
    (Reason.DAMAGED, "broke|broken|damage|crack|smash|shatter|defect|kaputt|beschadigt|quebrad|partid|rot[oa]|cass"),
    (Reason.NOT_AS_DESCRIBED, "describ|picture|colou?r|size|quality|beschrieben|descri"),
    (Reason.TOO_LATE, "late|too long|spat|atrasad|tarde|retard"),
    (Reason.CHANGED_MIND, "mind|don.?t (want|need|like)|no longer|gefallt|arrepend|desisti|avis"),
    (Reason.OTHER, "other|something else|ander|outro|otro|autre"),
)

_TOPICS: Final[tuple[tuple[str, str], ...]] = (
    ("return", "return|refund|money back|(?:send|give|bring|take)\\b.{0,20}\\bback|broken|damage|exchange|zuruckgeben"
               "|geld zuruck|retoure|devol|rembours"),
    ("where", "where|parcel|track|deliver|shipping|package|paket|lieferung|encomenda|onde|paquete|donde|colis"),
    ("back_in_stock", "back|stock|available|again|tell me when|let me know|notify|verfugbar|wieder da|disponivel"
                      "|disponible"),
)
#: what a wish says around the product's name
_AROUND: Final = frozenset(
    "tell me when the a an is are it s back in on of stock again available please let know will be notify if as soon "
    "has have for this that they them i want would like to to my there can you".split()
)


def label(key: str, language: str = "en") -> str:
    """A button's label in that language, in English where it is not there yet."""
    return _LABELS.get(language, {}).get(key) or _LABELS["en"][key]


def plain(text: str) -> str:
    """Lower case, no accents, single spaces: "Zwölf " -> "zwolf"."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(letter for letter in folded if not unicodedata.combining(letter)).split())


def quantity_in(text: str, most: int) -> int | None:
    """The number a person means, from 1 to ``most``; None if there is none, several, or one out of range.

    "2", "two", "two please", "2x", "all"; English, German, Portuguese, Spanish and French number words.
    """
    if re.search(r"[-−]\s*\d|\d\s*[.,]\s*\d", text):
        return None
    words = re.findall(r"[^\W\d_]+|\d+", plain(text)[:200])
    if any(word in _ALL for word in words):
        return most
    digits = {int(word) for word in words if word.isdigit() and len(word) <= 6}
    named = {_NUMBERS[word] for word in words if word in _NUMBERS}
    # "a" and "one of the two" are too weak beside a figure
    meant = digits or (named if len(named) == 1 else named - {1})
    if len(meant) != 1:
        return None
    only = next(iter(meant))
    return only if 1 <= only <= most else None


def reason_in(text: str) -> Reason | None:
    """The reason that a person's words fit, by its label or by what people say; None if none or two do."""
    said = plain(text)[:300]
    for reason in CUSTOMER_REASONS:
        if said in {plain(label(reason.value)), reason.value.replace("_", " ")}:
            return reason
    fitting = [reason for reason, pattern in _REASONS if re.search(rf"\b(?:{pattern})", said)]
    return fitting[0] if len(fitting) == 1 else None


def topic_in(text: str) -> str | None:
    """What a person is after: "return", "where" or "back_in_stock"; the first that fits."""
    said = plain(text)[:300]
    return next((topic for topic, pattern in _TOPICS if re.search(rf"\b(?:{pattern})", said)), None)


def menu_in(text: str) -> str | None:
    """The topic whose button's label was typed out, in any language; such words leave every open question."""
    said = plain(text).strip(" ?!.")
    return next(
        (topic for topic, _pattern in _TOPICS for labels in _LABELS.values()
         if topic in labels and said == plain(labels[topic]).strip(" ?!.")),
        None,
    )


def product_in(text: str) -> str:
    """What remains of "tell me when the blue mug is back in stock" without the words around it; "" if nothing does."""
    return " ".join(word for word in re.findall(r"[\w-]+", plain(text)[:300]) if word not in _AROUND)


def order_number_in(text: str) -> str | None:
    """An order's number as typed: "1042", "#1042", "my order is 1042"; None if nothing looks like one."""
    found: list[str] = re.findall(r"#?([A-Za-z0-9][A-Za-z0-9_-]{0,39})", text.strip()[:200])
    numbered = [word for word in found if any(letter.isdigit() for letter in word)]
    if len(numbered) == 1:
        return numbered[0]
    return found[0] if len(found) == 1 and "#" in text else None


def says_yes(text: str) -> bool:
    """Whether somebody agrees."""
    return _first_word_in(text, _YES)


def says_thanks(text: str) -> bool:
    """Whether somebody thanks, or wants nothing else."""
    return _first_word_in(text, _THANKS)


def says_hello(text: str) -> bool:
    """Whether somebody greets, or wants the menu."""
    return plain(text).strip("!. /←") in _HELLO


def says_back(text: str) -> bool:
    """Whether somebody wants the step before."""
    return plain(text).strip(" .!←") in _BACK


def says_cancel(text: str) -> bool:
    """Whether somebody wants to stop."""
    return plain(text).strip(" .!/") in _CANCEL


def says_next(text: str) -> bool:
    """Whether somebody is done choosing."""
    return _first_word_in(text, _NEXT)


def says_all(text: str) -> bool:
    """Whether somebody means everything."""
    return _first_word_in(text, _ALL)


def _first_word_in(text: str, words: frozenset[str]) -> bool:
    said = re.findall(r"[^\W_]+", plain(text)[:100])
    return bool(said) and said[0] in words and len(said) <= 4
