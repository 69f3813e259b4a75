"""What became of proposals, found in what a step has left behind."""

from typing import Any

from training_free_grpo.records import JSON, Operation
from training_free_grpo.report.fates import Fate, Outcome, find_fates, name_proposals

UNITS = "Units: write down the unit of every quantity."
BOUNDS = "Bounds: compare the result with a rough bound before answering."


def operation(content: str, kind: Any = "add", *ids: str) -> Operation:
    return {"operation": kind, "ids": list(ids), "content": content, "rationale": "It helped."}


def change(id: str, new: str | None, *problems: str, parents: tuple[str, ...] = ()) -> JSON:
    kind = "added" if new else "deleted"
    found: JSON = {"id": id, "change": kind, "old": None, "new": new, "problems": list(problems)}
    return found | {"parents": list(parents), "edited": False}


def find(
    *proposals: Operation,
    changes: tuple[JSON, ...] = (),
    rejected: tuple[tuple[JSON, str], ...] = (),
    decided: bool = True,
) -> list[Fate]:
    """Find what became of the proposals that were made for the problem p."""
    [named] = name_proposals([proposals])
    turned_down: Any = [{"operation": one, "reason": reason} for one, reason in rejected]
    return list(find_fates("p", named, Outcome(changes, turned_down, decided)))


def test_a_proposal_that_the_library_took_is_known_by_its_words() -> None:
    changes = (change("G0", BOUNDS, "p"), change("G1", UNITS, "p", "q"))
    first, second = find(operation(UNITS), operation(BOUNDS), changes=changes)
    assert [found["id"] for found in first.changes] == ["G1"]
    assert [found["id"] for found in second.changes] == ["G0"]
    assert first.in_its_words


def test_the_only_proposal_of_a_group_went_into_what_its_problem_is_behind_of() -> None:
    [found] = find(operation(UNITS), changes=(change("G0", BOUNDS, "p"),))
    assert (found.kind, found.in_its_words) == ("taken", False)


def test_a_lesson_of_other_problems_in_the_same_words_is_not_this_group_s() -> None:
    [found] = find(operation(UNITS), changes=(change("G0", UNITS, "q"),))
    assert found.kind == "left out"


def test_a_merger_is_known_by_the_lessons_it_cites() -> None:
    merged = change("G7", "Something else altogether.", "p", parents=("G1", "G2"))
    both = find(operation(UNITS, "merge", "G1", "G2"), operation(BOUNDS), changes=(merged,))
    assert [found.kind for found in both] == ["taken", "left out"]


def test_a_deletion_is_taken_though_no_problem_is_on_its_record() -> None:
    [found] = find(operation("", "delete", "G3"), changes=(change("G3", None),))
    assert found.kind == "taken"


def test_what_the_plan_turned_down_is_known_by_the_name_it_cites_or_by_its_words() -> None:
    rejected: Any = (
        ({"operation": "merge", "ids": ["P2"], "content": "Other words."}, "cites nothing"),
        ({"operation": "add", "ids": [], "content": UNITS}, "declined in review: too narrow"),
    )
    found = find(operation(UNITS), operation(BOUNDS), rejected=rejected)
    assert [one.reason for one in found] == ["declined in review: too narrow", "cites nothing"]


def test_an_operation_in_no_form_at_all_was_nobody_s_proposal() -> None:
    [found] = find(operation(UNITS), rejected=(({"value": "nonsense"}, "is not an operation"),))
    assert found.kind == "left out"


def test_before_the_step_is_decided_on_nothing_is_left_out() -> None:
    [found] = find(operation(UNITS), decided=False)
    assert found.kind == "open"


def test_proposals_are_numbered_through_the_groups_of_a_step() -> None:
    names = name_proposals([[operation(UNITS)], [], [operation(BOUNDS), operation(UNITS)]])
    assert [list(found) for found in names] == [["P1"], [], ["P2", "P3"]]
