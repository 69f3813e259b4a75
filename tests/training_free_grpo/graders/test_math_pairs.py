"""Short answers of our own making, by the kind of mistake that a grader makes with them."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from training_free_grpo.graders import grade_math

KINDS: dict[str, list[dict[str, Any]]] = defaultdict(list)
for line in Path(__file__).with_name("math_pairs.jsonl").read_text("utf-8").splitlines():
    KINDS[json.loads(line)["kind"]].append(json.loads(line))


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_of_each_kind_are_graded_as_labelled(kind: str) -> None:
    missed = [
        (pair["response"], pair["gold"], verdict)
        for pair in KINDS[kind]
        if (verdict := grade_math(pair["response"], pair["gold"])["verdict"])
        != ("right" if pair["right"] else "wrong")
    ]
    assert not missed


def test_every_kind_has_ten_pairs_or_more() -> None:
    assert len(KINDS) == 33
    assert min(map(len, KINDS.values())) >= 10
