"""A small invented country: its buildings, their architects, and an encyclopedia of both.

The same names occur in several towns, and mayors next to architects, to mislead hasty searches.
"""

from dataclasses import dataclass

_TOWNS = (
    "Varnholm Varnhelm Eskeby Eskedal Tessau Tessin "
    "Orlamund Orlanda Brekkestad Brekkeby Luneck Lunegg"
)
TOWNS = tuple(_TOWNS.split())
BUILDINGS = ("Heron Tower", "Mill Bridge", "Salt Exchange", "Lantern Theatre")
_FIRST = ("Mira", "Anselm", "Ottilie", "Joren", "Bettina", "Casimir", "Dagny", "Edvard")
_LAST = ("Kolb", "Kolbe", "Lindqvar", "Lindvar", "Maroth", "Marot", "Saxeby", "Saxen")
_TRADES = ("painter", "organ builder", "cartographer", "botanist", "printer", "clockmaker")


@dataclass(frozen=True)
class Building:
    """One building: when it was completed, who designed it, and who opened it."""

    name: str
    town: str
    completed: int
    architect: str
    born: int
    mayor: str
    mayor_born: int


def buildings() -> list[Building]:
    """Return every building of the country; no two have the same architect."""
    return [
        make_building(town_number, name_number)
        for town_number in range(len(TOWNS))
        for name_number in range(len(BUILDINGS))
    ]


def make_building(town: int, name: int) -> Building:
    """Make one building; the strides only scatter the years."""
    number = town * len(BUILDINGS) + name
    completed = 1740 + number * 67 % 150
    return Building(
        name=BUILDINGS[name],
        town=TOWNS[town],
        completed=completed,
        architect=person(number),
        born=completed - 31 - number * 5 % 17,
        mayor=f"{_FIRST[(number + 3) % 8]} {TOWNS[(town + 5) % 12]}er",
        mayor_born=completed - 50 - number * 3 % 11,
    )


def person(number: int) -> str:
    """Name a person; the first 64 numbers give 64 names."""
    return f"{_FIRST[number % 8]} {_LAST[(number + number // 8) % 8]}"


def passages() -> list[dict[str, str]]:
    """Return the encyclopedia, as records of a title and a text."""
    pages = [describe_town(number) for number in range(len(TOWNS))]
    for building in buildings():
        pages += [describe_building(building), describe_architect(building)]
    return pages + [describe_namesake(48 + number) for number in range(12)]


def describe_town(number: int) -> dict[str, str]:
    """Write the page of a town."""
    town, founded = TOWNS[number], 1103 + number * 37 % 290
    text = f"{town} is a market town, founded in {founded}. It has a tower, a bridge and a theatre."
    return {"title": town, "text": text}


def describe_building(building: Building) -> dict[str, str]:
    """Write the page of a building."""
    name = f"{building.name} of {building.town}"
    text = (
        f"The {name} was designed by the architect {building.architect} and completed in "
        f"{building.completed}. It was opened by the mayor, {building.mayor}, who was born in "
        f"{building.mayor_born}."
    )
    return {"title": name, "text": text}


def describe_architect(building: Building) -> dict[str, str]:
    """Write the page of an architect."""
    text = f"{building.architect} was born in {building.born} and worked as an architect."
    return {"title": building.architect, "text": text}


def describe_namesake(number: int) -> dict[str, str]:
    """Write the page of somebody whose name resembles an architect's."""
    name, born = person(number), 1700 + number * 29 % 170
    text = f"{name} was born in {born} and worked as a {_TRADES[number % 6]}."
    return {"title": name, "text": text}
