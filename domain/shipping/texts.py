"""What a customer is told about a late parcel: cause and new date, in their own language. Staff may edit it first.

English, German, Portuguese, Spanish, French; any other language gets the shop's, else English.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from babel.dates import format_date

from domain.shipping.rules import DelayRule

LANGUAGES: Final = ("en", "de", "pt", "es", "fr")

_GREETING: Final = {
    "en": "Hi {name}, your order #{order} from {shop} is delayed: {cause}.",
    "de": "Hallo {name}, deine Bestellung #{order} bei {shop} verspätet sich: {cause}.",
    "pt": "Olá {name}, a sua encomenda #{order} da {shop} está atrasada: {cause}.",
    "es": "Hola {name}, tu pedido #{order} de {shop} se retrasa: {cause}.",
    "fr": "Bonjour {name}, votre commande #{order} chez {shop} a du retard : {cause}.",
}
_NEW_DATE: Final = {
    "en": "We expect it by {day}.",
    "de": "Wir rechnen damit bis {day}.",
    "pt": "Contamos que chegue até {day}.",
    "es": "Esperamos que llegue antes del {day}.",
    "fr": "Nous l'attendons d'ici le {day}.",
}
_NO_DATE: Final = {
    "en": "We do not have a new date yet and will write as soon as we do.",
    "de": "Einen neuen Termin haben wir noch nicht; wir schreiben, sobald wir ihn wissen.",
    "pt": "Ainda não temos uma nova data e escrevemos assim que a tivermos.",
    "es": "Todavía no tenemos una nueva fecha; te escribiremos en cuanto la sepamos.",
    "fr": "Nous n'avons pas encore de nouvelle date et vous écrirons dès que nous l'aurons.",
}
_SORRY: Final = {
    "en": "Sorry for the wait.",
    "de": "Entschuldige bitte das Warten.",
    "pt": "Pedimos desculpa pela espera.",
    "es": "Disculpa la espera.",
    "fr": "Toutes nos excuses pour l'attente.",
}
_DAY_PATTERN: Final = {
    "en": "EEEE d MMMM", "de": "EEEE, d. MMMM", "pt": "EEEE, d 'de' MMMM", "es": "EEEE d 'de' MMMM",
    "fr": "EEEE d MMMM",
}

#: cause -> language -> words. Causes are the rules, and "exception." with AfterShip's reason.
_CAUSES: Final[dict[str, dict[str, str]]] = {
    "held": {
        "en": "the carrier has not moved it for some days",
        "de": "der Paketdienst hat das Paket seit einigen Tagen nicht weiterbewegt",
        "pt": "há alguns dias que a transportadora não a movimenta",
        "es": "el transportista no lo ha movido desde hace unos días",
        "fr": "le transporteur ne l'a pas acheminée depuis quelques jours",
    },
    "held_at": {
        "en": "your parcel is held up in {place}",
        "de": "dein Paket hängt in {place} fest",
        "pt": "o seu pacote está parado em {place}",
        "es": "tu paquete está retenido en {place}",
        "fr": "votre colis est bloqué à {place}",
    },
    "on_the_way": {
        "en": "it is still on its way",
        "de": "das Paket ist noch unterwegs",
        "pt": "ainda está a caminho",
        "es": "todavía está en camino",
        "fr": "elle est encore en route",
    },
    "not_left": {
        "en": "it has not left our warehouse yet",
        "de": "das Paket hat unser Lager noch nicht verlassen",
        "pt": "ainda não saiu do nosso armazém",
        "es": "todavía no ha salido de nuestro almacén",
        "fr": "elle n'a pas encore quitté notre entrepôt",
    },
    "attempt_fail": {
        "en": "the carrier could not hand it over and will try again",
        "de": "der Paketdienst konnte das Paket nicht zustellen und versucht es noch einmal",
        "pt": "a transportadora não conseguiu entregá-la e vai tentar de novo",
        "es": "el transportista no pudo entregarlo y volverá a intentarlo",
        "fr": "le transporteur n'a pas pu la remettre et va réessayer",
    },
    "lost": {
        "en": "the carrier cannot find it at the moment",
        "de": "der Paketdienst kann das Paket gerade nicht finden",
        "pt": "a transportadora não a consegue encontrar neste momento",
        "es": "el transportista no lo encuentra en este momento",
        "fr": "le transporteur ne la retrouve pas pour l'instant",
    },
    "damaged": {
        "en": "the carrier reports that it was damaged on the way",
        "de": "der Paketdienst meldet einen Schaden unterwegs",
        "pt": "a transportadora informa que foi danificada no caminho",
        "es": "el transportista informa de que se dañó en el camino",
        "fr": "le transporteur signale qu'elle a été endommagée en route",
    },
    "customs": {
        "en": "it is being checked at customs",
        "de": "das Paket wird beim Zoll geprüft",
        "pt": "está a ser verificada na alfândega",
        "es": "lo están revisando en la aduana",
        "fr": "elle est contrôlée à la douane",
    },
    "wrong_address": {
        "en": "the carrier could not find the address. Please answer with your full address",
        "de": "der Paketdienst hat die Adresse nicht gefunden. Bitte antworte mit deiner vollständigen Adresse",
        "pt": "a transportadora não encontrou a morada. Por favor responda com a morada completa",
        "es": "el transportista no encontró la dirección. Responde, por favor, con tu dirección completa",
        "fr": "le transporteur n'a pas trouvé l'adresse. Merci de répondre avec votre adresse complète",
    },
    "held_for_payment": {
        "en": "it is held until duties or fees are paid",
        "de": "das Paket wird zurückgehalten, bis Zoll oder Gebühren bezahlt sind",
        "pt": "está retida até que os direitos ou taxas sejam pagos",
        "es": "está retenido hasta que se paguen los derechos o tasas",
        "fr": "elle est retenue jusqu'au paiement des droits ou frais",
    },
    "returning": {
        "en": "it is on its way back to us",
        "de": "das Paket ist auf dem Weg zurück zu uns",
        "pt": "está a regressar para nós",
        "es": "está volviendo a nosotros",
        "fr": "elle est en train de nous revenir",
    },
    "problem": {
        "en": "the carrier reports a problem",
        "de": "der Paketdienst meldet ein Problem",
        "pt": "a transportadora informa que há um problema",
        "es": "el transportista informa de un problema",
        "fr": "le transporteur signale un problème",
    },
}

_OF_EXCEPTION: Final = {
    "damaged": "damaged", "lost": "lost", "customs": "customs", "wrong_address": "wrong_address",
    "held_for_payment": "held_for_payment", "rejected": "returning", "returning": "returning", "returned": "returning",
    "pickup_missed": "returning",
}


@dataclass(frozen=True, kw_only=True)
class DelayNews:
    """What the text is made from."""

    first_name: str
    order: str
    shop: str
    rule: DelayRule
    substatus: str | None
    handed_over: bool
    last_place: str | None
    expected_on: date | None


def delay_text(news: DelayNews, language: str) -> str:
    """Greeting with the cause, the new date or that there is none yet, and an apology."""
    tongue = spoken(language)
    cause = _CAUSES[_cause(news)][tongue].format(place=news.last_place)
    head = _GREETING[tongue].format(name=news.first_name, order=news.order, shop=news.shop, cause=cause)
    if news.expected_on is None:
        when = _NO_DATE[tongue]
    else:
        when = _NEW_DATE[tongue].format(day=format_date(news.expected_on, _DAY_PATTERN[tongue], locale=tongue))
    return f"{head} {when} {_SORRY[tongue]}"


def spoken(*wishes: str | None) -> str:
    """The first language among the wishes that we write; English otherwise. "pt-BR" counts as "pt"."""
    for wish in wishes:
        base = (wish or "").replace("_", "-").split("-")[0].lower()
        if base in LANGUAGES:
            return base
    return "en"


def _cause(news: DelayNews) -> str:
    match news.rule:
        case DelayRule.EXCEPTION:
            return _OF_EXCEPTION.get(news.substatus or "", "problem")
        case DelayRule.PRESUMED_LOST | DelayRule.EXPIRED:
            return "lost"
        case DelayRule.ATTEMPT_FAIL:
            return "attempt_fail"
        case DelayRule.NO_SCAN:
            return "held_at" if news.last_place else "held"
    return "on_the_way" if news.handed_over else "not_left"


def reship_text(first_name: str, order: str, shop: str, language: str) -> str:
    """What a customer reads when their order is sent again."""
    return _AGAIN[language].format(name=first_name, order=order, shop=shop)


_AGAIN: Final = {
    "en": "Hi {name}, your order #{order} from {shop} did not reach you as it should. We are sending it again, at no "
          "cost to you. Sorry for the wait.",
    "de": "Hallo {name}, deine Bestellung #{order} bei {shop} ist nicht richtig bei dir angekommen. Wir schicken sie "
          "noch einmal, ohne Kosten für dich. Entschuldige bitte das Warten.",
    "pt": "Olá {name}, a sua encomenda #{order} da {shop} não chegou como devia. Vamos enviá-la de novo, sem custos "
          "para si. Pedimos desculpa pela espera.",
    "es": "Hola {name}, tu pedido #{order} de {shop} no ha llegado como debía. Te lo enviamos de nuevo, sin coste "
          "para ti. Disculpa la espera.",
    "fr": "Bonjour {name}, votre commande #{order} chez {shop} n'est pas bien arrivée chez vous. Nous vous la "
          "renvoyons, sans frais pour vous. Toutes nos excuses pour l'attente.",
}
