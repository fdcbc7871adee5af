"""The demo shop's customers: the six who are on Telegram, and everybody else."""

from __future__ import annotations

from random import Random

from sandbox.demo_shop.rows import Customer

#: country: (share of orders, first names, last names, cities, language)
_LANDS = {
    "DE": (
        0.80,
        "Anna Ben Clara David Emma Felix Greta Hannes Ida Jan Klara Lukas Mia Noah Paula Ruth Simon Theo Ute".split(),
        "Albrecht Bauer Claussen Dietrich Ebert Fischer Graf Hartmann Jung Kaiser Lang Meyer Neumann Otto Peters "
        "Richter Schulz Thiel Ullrich Vogt Wagner Zimmer".split(),
        "Berlin Hamburg Köln München Dresden Bremen Kiel Freiburg Hannover Nürnberg Leipzig Stuttgart".split(),
        "de",
    ),
    "AT": (
        0.07,
        "Eva Franz Lena Max Sophie".split(),
        "Gruber Huber Moser Pichler Steiner".split(),
        "Wien Graz Linz".split(),
        "de",
    ),
    "NL": (
        0.05,
        "Anouk Bram Daan Fleur Sanne".split(),
        "Bakker Jansen Smit Visser Vos".split(),
        "Utrecht Amsterdam".split(),
        "nl",
    ),
    "FR": (
        0.04,
        "Chloé Hugo Jules Léa Manon".split(),
        "Bernard Dubois Laurent Moreau Petit".split(),
        "Lyon Paris Lille".split(),
        "fr",
    ),
    "CH": (0.015, "Beat Nina Reto Urs".split(), "Frei Keller Meier Suter".split(), "Zürich Bern".split(), "de"),
    "PT": (
        0.015,
        "Beatriz Duarte Inês Tiago".split(),
        "Costa Ferreira Pereira Santos".split(),
        "Porto Lisboa".split(),
        "pt",
    ),
    "IT": (
        0.01,
        "Chiara Luca Marta Paolo".split(),
        "Bianchi Conti Ferrari Greco".split(),
        "Milano Torino".split(),
        "it",
    ),
}

#: the six of the sandbox's Telegram, by the name the sandbox calls them
NAMED = {
    name: Customer(
        key=f"C-{number}",
        name=full,
        email=f"{full.lower().replace(' ', '.')}@example.org",
        phone=f"+49 151 0000 {number}",
        country=country,
        language=language,
        city=city,
    )
    for name, number, full, country, language, city in (
        ("maria", 1001, "Maria Silva", "PT", "pt", "Porto"),
        ("jonas", 1002, "Jonas Becker", "DE", "de", "Bremen"),
        ("sofia", 1003, "Sofia Rossi", "IT", "it", "Milano"),
        ("liam", 1004, "Liam Murphy", "IE", "en", "Dublin"),
        ("yuki", 1005, "Yuki Tanaka", "JP", "en", "Osaka"),
        ("omar", 1006, "Omar Haddad", "FR", "fr", "Lyon"),
    )
}


class Crowd:
    """The customers that come and come again; a growing list."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.known: list[Customer] = []
        self._countries = list(_LANDS)
        self._shares = [_LANDS[country][0] for country in self._countries]

    def next(self) -> Customer:
        """Who orders next: in two cases of five somebody who has ordered before."""
        if self.known and self._rng.random() < 0.4:
            return self._rng.choice(self.known)
        newcomer = self._newcomer()
        self.known.append(newcomer)
        return newcomer

    def _newcomer(self) -> Customer:
        rng, number = self._rng, 20001 + len(self.known)
        country = rng.choices(self._countries, self._shares)[0]
        _, firsts, lasts, cities, language = _LANDS[country]
        first, last = rng.choice(firsts), rng.choice(lasts)
        return Customer(
            key=f"C-{number}",
            name=f"{first} {last}",
            email=f"customer{number}@example.org",
            phone=f"+49 151 55{number:06d}" if rng.random() < 0.6 else None,
            country=country,
            language=language,
            city=rng.choice(cities),
        )
