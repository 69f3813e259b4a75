"""The attacks, and what must be true of a host after each."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JSON = dict[str, Any]

HONEST, ANSWER = "print(sum(range(10)))", "45"
ENDLESS = "import time\nwhile True: time.sleep(1)"
OUTPUT_CHARS = 64_000
_FILE = Path(__file__).with_name("attacks.jsonl")
_SECRET = re.compile(r"CANARY-[A-Z]+-[0-9a-f]{6}")
_REFERENCE_TIMEOUT = 3
"""Seconds; `max_wall` in the file was chosen for this time-out."""
_MARGIN = 1000
"""Characters that the sandbox may add to an output that it cut."""


@dataclass(frozen=True)
class Attack:
    """A program that tries to get out, and particular limits on what it may achieve.

    `absent` and `want` are texts in its output, `max_num` the highest number after a word there;
    `max_procs`, `max_mem_mb`, `max_agent_mb` and `max_wall` bound what is seen from outside;
    `next` is a program that is run afterwards and what it must print: null stands for anything
    but what the attack printed.
    """

    id: str
    category: str
    code: str
    expect: str
    checks: JSON

    @property
    def codes(self) -> list[str]:
        """The programs to run, one after the other; the last must work as if nothing happened."""
        return [self.code, *self.checks.get("next", [])[:1], HONEST]

    def judge(self, seen: JSON, timeout: float) -> list[str]:
        """Say everything that the attack achieved; nothing when it was contained."""
        if not seen["alive"]:
            return ["the agent is dead or hangs"]
        return [*self._effects(seen), *self._resources(seen, timeout), *self._texts(seen)]

    def _effects(self, seen: JSON) -> Iterator[str]:
        for name, what in {
            "signals": "the agent was signalled",
            "contacts": "reached a socket",
            "opened": "opened a socket",
            "survivors": "still running",
            "changes": "changed",
        }.items():
            if seen[name]:
                yield f"{what}: {_shorten(seen[name])}"

    def _resources(self, seen: JSON, timeout: float) -> Iterator[str]:
        first = seen["runs"][0]
        max_wall = self.checks.get("max_wall", 6) - _REFERENCE_TIMEOUT + timeout
        for name, value, limit in (
            ("seconds", first["wall"], max_wall),
            ("processes", seen["processes"], self.checks.get("max_procs")),
            ("MB of the box", seen["box_mb"], self.checks.get("max_mem_mb")),
            ("MB of the agent", seen["agent_mb"], self.checks.get("max_agent_mb")),
            ("characters of stdout", len(first["stdout"]), OUTPUT_CHARS + _MARGIN),
            ("characters of stderr", len(first["stderr"]), OUTPUT_CHARS + _MARGIN),
        ):
            if limit is not None and value > limit:
                yield f"{name}: {value:.6g}, more than {limit:g}"

    def _texts(self, seen: JSON) -> Iterator[str]:
        first, *later = seen["runs"]
        answers = [*self.checks.get("next", [])[1:], ANSWER]
        output = first["stdout"] + first["stderr"]
        for run in seen["runs"]:
            if found := set(_SECRET.findall(run["stdout"] + run["stderr"])):
                yield f"a secret was read: {_shorten(sorted(found))}"
            if run["status"].startswith("raised"):
                yield f"the sandbox {run['status']}"
        for text in self.checks.get("absent", []):
            if text in output:
                yield f"printed {text!r}"
        for text in self.checks.get("want", []):
            if text not in output:
                yield f"did not print {text!r}: {_shorten(output)}"
        for word, limit in self.checks.get("max_num", {}).items():
            numbers = [int(number) for number in re.findall(rf"{word} +(\d+)", output)]
            if max(numbers, default=0) > limit:
                yield f"{word} {max(numbers)}, more than {limit}"
        for run, answer in zip(later, answers, strict=True):
            same = run["stdout"].strip() == (answer or first["stdout"].strip())
            if same != (answer is not None):
                yield f"the next run printed {_shorten(run['stdout'] + run['stderr'])}"


def load_attacks() -> list[Attack]:
    """Read every attack there is."""
    lines = _FILE.read_text("utf-8").splitlines()
    return [Attack(**json.loads(line)) for line in lines]


def _shorten(found: object) -> str:
    text = str(found)
    return text if len(text) <= 300 else f"{text[:300]}…"
