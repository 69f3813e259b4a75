"""What a machine's sandboxes contain: attacks held of those tried, by category, tier and user.

    python -m benchmarks.attacks [--tier landlock] [--user ordinary] [--timeout 3] [CATEGORY …]

The attacks run in the tests' make-believe host, so that they are harmless even where they succeed.
The tier "none" is `unsafe_local=True`: plain processes, as a measure of the others.
"""

import argparse
import platform
import time
from collections import Counter
from typing import Any

from tests.tools.python_sandbox.containment.arena import (
    TIERS,
    USERS,
    Arena,
    ArenaUnavailable,
    User,
)
from tests.tools.python_sandbox.containment.attack import Attack, load_attacks


def measure(arena: Arena, attacks: list[Attack]) -> dict[str, list[str]]:
    """Run every attack and return what the uncontained ones achieved, by name."""
    achieved = {attack.id: arena.attack(attack) for attack in attacks}
    return {name: seen for name, seen in achieved.items() if seen}


def report(tier: str, attacks: list[Attack], uncontained: dict[str, list[str]]) -> None:
    """Print a row of figures and what was seen of each attack that succeeded."""
    tried = Counter(attack.category for attack in attacks)
    held = Counter(attack.category for attack in attacks if attack.id not in uncontained)
    cells = [f"{category} {held[category]}/{number}" for category, number in tried.items()]
    print(f"{tier:10} {held.total()}/{tried.total()}   {'  '.join(cells)}")
    for name, seen in uncontained.items():
        print(f"    {name}: {'; '.join(seen)}")


def describe_machine(offers: dict[str, Any], user: User) -> str:
    """Say what the kernel offers to a user."""
    words = {True: "yes", False: "no"}
    namespaces, bubblewrap = (words[bool(offers[name])] for name in ("namespaces", "bubblewrap"))
    return (
        f"{user}: kernel {platform.release()}, user namespaces {namespaces}, "
        f"bubblewrap {bubblewrap}, Landlock ABI {offers['landlock']}"
    )


def main(options: argparse.Namespace) -> None:
    """Print the table for every tier and user that was asked for."""
    attacks = load_attacks()
    if options.category:
        attacks = [attack for attack in attacks if attack.category in options.category]
    for user in options.user or USERS:
        for number, tier in enumerate(options.tier or TIERS):
            try:
                with Arena(tier, user, options.timeout) as arena:
                    if number == 0:
                        print(describe_machine(arena.offers, user))
                    if not arena.offers.get(tier, True):
                        print(f"{tier}: not offered")
                        continue
                    started = time.monotonic()
                    report(tier, attacks, measure(arena, attacks))
                    print(f"    {time.monotonic() - started:.0f} s")
            except ArenaUnavailable as error:
                raise SystemExit(str(error)) from None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("category", nargs="*")
    parser.add_argument("--tier", action="append", choices=TIERS)
    parser.add_argument("--user", action="append", choices=USERS)
    parser.add_argument("--timeout", type=float, default=3)
    main(parser.parse_args())
