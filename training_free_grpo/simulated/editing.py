"""Turn the proposals of several groups into one plan for the library, from their texts alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from training_free_grpo.records import Operation
from training_free_grpo.simulated.answers import answer, operation
from training_free_grpo.simulated.blocks import read_block, read_blocks, read_lessons, read_limit
from training_free_grpo.simulated.lessons import (
    Lesson,
    cluster,
    is_vague,
    parse,
    parse_all,
    same,
    same_kind,
)


@dataclass(frozen=True)
class Proposal:
    """One proposed edit, as the prompt shows it."""

    n: str
    operation: str
    ids: tuple[str, ...]
    content: str


Clusters = list[tuple[Lesson, list[str]]]
"""Lessons that say the same, with their ids."""


def edit_experiences(instructions: str, prompt: str) -> str:
    """Plan the edits of the library from the proposals in the prompt."""
    library = read_lessons(read_block("library", prompt))
    proposals = [read_proposal(*block) for block in read_blocks("proposal", prompt)]
    limit = read_limit(instructions, r"(\d+) words at most", 32)
    declined = [body.partition("\nWhy not: ")[0] for _, body in read_blocks("declined", prompt)]
    sound = [
        p
        for p in proposals
        if not is_vague(p.content) and len(p.content.split()) <= limit and p.content not in declined
    ]
    texts = {p.n: p.content for p in proposals}
    plan = change_cited(library, sound)
    plan += add_new(library, [p for p in sound if p.operation == "add"], texts, used(plan))
    plan += merge_twins(library, used(plan))
    most = read_limit(instructions, r"At most (\d+)\.", len(plan))
    return answer("Same-saying proposals are one; the better supported side stays.", plan[:most])


def read_proposal(attributes: dict[str, str], body: str) -> Proposal:
    """Read one proposal."""
    content = "" if body.startswith("Why: ") else body.partition("\nWhy: ")[0].strip()
    ids = tuple(attributes.get("ids", "").replace(",", " ").split())
    return Proposal(attributes.get("n", ""), attributes.get("operation", ""), ids, content)


def used(plan: Iterable[Operation]) -> set[str]:
    """Return the ids that a plan already names."""
    return {key for step in plan for key in step["ids"]}


def change_cited(library: dict[str, str], proposals: Sequence[Proposal]) -> list[Operation]:
    """Resolve the proposals about each lesson: the larger side wins, else the lesson is deleted."""
    plan = []
    for key in library:
        citing = [p for p in proposals if p.operation != "add" and p.ids[:1] == (key,)]
        deletes = [p.n for p in citing if p.operation == "delete"]
        news = [p for p in citing if p.operation != "delete"]
        if not citing:
            continue
        if len(deletes) >= len(news):
            plan.append(operation("delete", [key, *deletes], "", "It led attempts astray."))
        else:
            wordings = [p.content for p in news]
            content = max(wordings, key=wordings.count)
            agreed = [p.n for p in news if p.content == content]
            plan.append(operation("update", [key, *agreed], content, "It led attempts astray."))
    return plan


def add_new(
    library: dict[str, str], adds: Sequence[Proposal], texts: dict[str, str], touched: set[str]
) -> list[Operation]:
    """Add new lessons; change a lesson that contradicts one only if two proposals agree."""
    known = [(k, lesson) for k, lesson in parse_all(library) if k not in touched]
    plan = free_texts(library, adds)
    for lesson, ids in settle(cluster((p.n, s) for p in adds if (s := parse(p.content)))):
        content = texts[ids[0]]
        rivals = [key for key, old in known if same_kind(old, lesson)]
        if not rivals:
            plan.append(operation("add", ids, content, f"{len(ids)} groups found it."))
        elif len(ids) >= 2 and not any(same(old, lesson) for _, old in known):
            plan.append(operation("update", [rivals[0], *ids], content, "Newer evidence."))
    return plan


def free_texts(library: dict[str, str], adds: Sequence[Proposal]) -> list[Operation]:
    """Add lessons in other forms than ours unchanged, each wording once."""
    texts: dict[str, list[str]] = {}
    for proposal in adds:
        if not parse(proposal.content) and proposal.content not in library.values():
            texts.setdefault(proposal.content, []).append(proposal.n)
    return [operation("add", ids, text, "It may help.") for text, ids in texts.items() if text]


def settle(clusters: Clusters) -> Clusters:
    """Of lessons that contradict each other, keep the one with at least twice the support."""
    return [
        (lesson, ids)
        for lesson, ids in clusters
        if not any(
            same_kind(lesson, other) and lesson is not other and len(ids) < 2 * len(others)
            for other, others in clusters
        )
    ]


def merge_twins(library: dict[str, str], touched: set[str]) -> list[Operation]:
    """Merge lessons of the library that say the same."""
    free = [(key, lesson) for key, lesson in parse_all(library) if key not in touched]
    return [
        operation("merge", ids, library[ids[0]], "They say the same.")
        for _, ids in cluster(free)
        if len(ids) > 1
    ]
