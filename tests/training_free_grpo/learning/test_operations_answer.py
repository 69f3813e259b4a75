import json
from typing import Any

import pytest

from training_free_grpo.learning.operations_answer import (
    Advice,
    find_sources,
    read_advice,
    without_sources,
)
from training_free_grpo.library import empty_library, parse_lessons
from training_free_grpo.records import JSON, Operation, Proposal

LIBRARY = parse_lessons("[G0] Units: convert first.\n[G3] Cases: list them all.")


def item(kind: Any, ids: Any = (), content: Any = "Name: a new lesson.", **more: Any) -> JSON:
    return {"operation": kind, "ids": ids, "content": content, "rationale": "so", **more}


def advice_on(*items: Any, most: int = 9) -> Advice:
    return read_advice({"reasoning": "why", "operations": list(items)}, LIBRARY, 32, most)


def op(*ids: str, content: str = "") -> Operation:
    return {"operation": "update", "ids": list(ids), "content": content, "rationale": ""}


def proposal(problem: str, *ids: str, content: str = "") -> Proposal:
    return {"operation": op(*ids, content=content), "problem": problem, "rollouts": []}


@pytest.mark.parametrize(
    ("answer", "ids", "content"),
    [
        (item("add", []), [], "Name: a new lesson."),
        (item("ADD", None), [], "Name: a new lesson."),
        ({"operation": "add", "content": "Name: a new lesson."}, [], "Name: a new lesson."),
        (item("add", ["P1"], " a\n b "), ["P1"], "a b"),
        (item("update", "G3"), ["G3"], "Name: a new lesson."),
        (item("update", ["[G3]"]), ["G3"], "Name: a new lesson."),
        (item("update", ["[G3]", "[P2]"]), ["G3", "P2"], "Name: a new lesson."),
        (item("merge", ["G0", "G3"]), ["G0", "G3"], "Name: a new lesson."),
        (item("delete", ["G3"], None), ["G3"], ""),
        (item("delete", "[G3]", ""), ["G3"], ""),
        (item("delete", ["G0", "P1"], None), ["G0", "P1"], ""),
        (item("add", [], rationale=None, note="extra"), [], "Name: a new lesson."),
    ],
)
def test_what_a_model_may_write_in_several_ways_is_read_as_one(
    answer: JSON, ids: list[str], content: str
) -> None:
    advice = advice_on(answer)
    assert not advice.rejected
    assert (advice.operations[0]["ids"], advice.operations[0]["content"]) == (ids, content)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("add a lesson", "not an operation"),
        (None, "not an operation"),
        (["add"], "not an operation"),
        (7, "not an operation"),
        ({}, "none of add, update, merge, delete"),
        (item("modify", ["G3"]), "'modify' is none of add, update, merge, delete"),
        (item(["add"]), "none of add, update, merge, delete"),
        (item("update", {"id": "G3"}), "not a list"),
        (item("update", 3), "not a list"),
        (item("update", ["G9"]), "G9"),
        (item("update", [3]), "3"),
        (item("merge", ["G3", "P1"]), "two different ids"),
        (item("delete", ["P1"], None), "needs the id"),
        (item("delete", [], None), "needs the id"),
        (item("add", [], None), "needs content"),
        (item("add", [], " "), "needs content"),
        (item("add", [], "Cases: LIST them all!"), "same as G3"),
        (item("add", [], "word " * 33), "33 words"),
    ],
)
def test_one_bad_operation_is_rejected_with_its_reason_and_costs_no_other(
    answer: Any, reason: str
) -> None:
    advice = advice_on(item("delete", ["G0"], None), answer, item("add"))
    assert [o["operation"] for o in advice.operations] == ["delete", "add"]
    assert [reason in r["reason"] for r in advice.rejected] == [True]


def test_a_rejection_keeps_what_the_model_wrote() -> None:
    advice = advice_on(item("modify", ["G3"], extra=1), "nonsense")
    assert advice.rejected[0]["operation"] == item("modify", ["G3"], extra=1)
    assert advice.rejected[1]["operation"] == {"value": "nonsense"}


def test_operations_beyond_the_limit_are_rejected_and_bad_ones_do_not_count() -> None:
    lessons = [item("add", [], f"Name{n}: lesson {n}.") for n in range(3)]
    advice = advice_on("bad", *lessons, most=2)
    assert [o["content"] for o in advice.operations] == ["Name0: lesson 0.", "Name1: lesson 1."]
    assert advice.rejected[1]["reason"] == "too many operations: the maximum is 2"


@pytest.mark.parametrize("answer", [{}, {"operations": None}, {"operations": {"add": 1}}])
def test_an_answer_without_a_list_of_operations_is_refused(answer: JSON) -> None:
    with pytest.raises(ValueError, match="no list under 'operations'"):
        read_advice(answer, LIBRARY, 32, 2)


@pytest.mark.parametrize("reasoning", [None, "", 0])
def test_an_empty_list_of_operations_is_a_good_answer(reasoning: Any) -> None:
    found = read_advice({"reasoning": reasoning, "operations": []}, empty_library(), 32, 2)
    assert found == Advice("", [], [])


PROPOSALS = [
    proposal("a", content="Units: convert all quantities first."),
    proposal("b", "G3", content="Cases: list them by program."),
    proposal("c", "G0", "G3", content="Other: something else entirely."),
]


@pytest.mark.parametrize(
    ("operation", "sources"),
    [
        (op("P2"), "b"),
        (op("G3", "P1", "P3"), "ac"),
        (op("P9", "G0"), "c"),
        (op("P0", "G0"), "c"),
        (op("G3"), "bc"),
        (op("G0", content="Cases: list them by program."), "bc"),
        (op(content="UNITS: convert quantities first."), "a"),
        (op(content="Nothing alike."), "abc"),
        (op(), "abc"),
    ],
)
def test_an_operation_comes_from_what_it_names_or_else_resembles(
    operation: Operation, sources: str
) -> None:
    assert "".join(p["problem"] for p in find_sources(operation, PROPOSALS)) == sources


def test_an_odd_digit_in_a_source_is_no_source() -> None:
    assert find_sources(op("P²"), PROPOSALS) == PROPOSALS


def test_without_its_sources_an_operation_cites_lessons_alone() -> None:
    assert without_sources(op("G3", "P1", "P12"))["ids"] == ["G3"]
    assert without_sources({**op("P1", "G3"), "operation": "add"})["ids"] == []


def test_the_json_of_advice_survives_as_plain_json() -> None:
    advice = advice_on(item("add"), "bad")
    assert json.loads(json.dumps(advice.operations)) == advice.operations


def test_only_a_fault_that_a_model_can_fix_is_worth_another_call() -> None:
    unknown, repeated = item("update", ["G9"]), item("add", content="Units: convert first.")
    found = advice_on(item("add"), unknown, repeated, item("add", content="B: c."), most=1)
    assert found.faults == ["update cites G9, which the library does not hold"]
    assert len(found.rejected) == 3
