"""What a person is shown of a plan, and what an answer makes of it."""

from typing import Any, Literal

import pytest

from training_free_grpo.learning.review import (
    ReviewError,
    carry_decisions,
    describe_plan,
    read_answer,
)
from training_free_grpo.library import read_library
from training_free_grpo.records import Edit, Group, Operation, Origin, Plan

LIBRARY = read_library({"G0": "Units: write them down.", "G1": "Sums: add them twice."})
MOST = 8
APPROVE: dict[str, Any] = {"all": "approve"}


def operation(
    kind: Literal["add", "update", "merge", "delete"], content: str = "", *ids: str
) -> Operation:
    return {"operation": kind, "ids": list(ids), "content": content, "rationale": "It helps."}


def edit(found: Operation, *problems: str) -> Edit:
    rollouts = [f"1/{problem}/{n}" for problem in problems for n in range(2)]
    origin: Origin = {
        "step": 1, "problems": list(problems), "rollouts": rollouts, "model": "m", "prompt": "p",
    }  # fmt: skip
    return {"operation": found, "origin": origin}


OPERATIONS = [
    operation("add", "Signs: check them last."),
    operation("update", "Units: write them beside numbers.", "G0"),
    operation("delete", "", "G1"),
]
PLAN: Plan = {
    "edits": [edit(found, "p1") for found in OPERATIONS],
    "rejected": [{"operation": {"operation": "add"}, "reason": "no content"}],
    "warning": None,
    "usage": {},
}


def group(problem: str, *rewards: float | None) -> Group:
    attempts: Any = [{"id": f"1/{problem}/{n}", "reward": r} for n, r in enumerate(rewards)]
    return {
        "problem": problem, "attempts": attempts, "contrast": True, "reasoning": "",
        "proposals": [], "rejected": [], "failure": None, "usage": {},
    }  # fmt: skip


def describe(*edits: Edit, problems: int = 1, text: str = "How many?") -> list[Any]:
    ids = [f"p{n + 1}" for n in range(problems)]
    rows: Any = [{"id": id, "problem": text, "answers": []} for id in ids]
    groups = [group(id, 1.0, None, 0.0) for id in ids]
    plan: Plan = {**PLAN, "edits": list(edits)}
    shown: list[Any] = describe_plan(plan, 1, LIBRARY, groups, rows, MOST)["operations"]
    return shown


def decide(answer: Any) -> list[str]:
    return [d.decision for d in read_answer(answer, OPERATIONS, LIBRARY, MOST)]


class TestRequest:
    def test_numbers_the_operations_and_shows_them_as_they_stand(self) -> None:
        shown = describe(*PLAN["edits"])
        assert [item["index"] for item in shown] == [0, 1, 2]
        assert [item["content"] for item in shown] == [o["content"] for o in OPERATIONS]

    def test_shows_what_each_would_change(self) -> None:
        added, changed, deleted = (item["diff"] for item in describe(*PLAN["edits"]))
        assert [(d["id"], d["change"]) for d in (*added, *changed, *deleted)] == [
            ("G2", "added"), ("G0", "changed"), ("G1", "deleted"),
        ]  # fmt: skip

    def test_shows_the_rewards_of_the_attempts_behind_it_and_no_others(self) -> None:
        (shown,) = describe(edit(OPERATIONS[0], "p1"), problems=2)
        assert shown["evidence"]["shown"] == [
            {"id": "p1", "problem": "How many?", "rewards": {"1/p1/0": 1.0, "1/p1/1": None}}
        ]

    def test_counts_all_evidence_and_shows_a_part_of_much(self) -> None:
        everything = [f"p{n + 1}" for n in range(40)]
        (shown,) = describe(edit(OPERATIONS[0], *everything), problems=40, text="long " * 1000)
        assert (shown["evidence"]["problems"], shown["evidence"]["rollouts"]) == (40, 80)
        assert len(repr(shown)) < 3000

    def test_says_what_would_be_refused_as_it_stands(self) -> None:
        twin = edit(operation("add", "signs: check them LAST"), "p1")
        first, second = describe(PLAN["edits"][0], twin)
        assert (first["fault"], second["diff"]) == (None, [])
        assert "same as G2" in second["fault"]


class TestAnswer:
    def test_decides_on_all_at_once(self) -> None:
        assert decide(APPROVE) == ["approve"] * 3

    def test_decides_on_some_and_on_the_rest(self) -> None:
        named = [{"operation": 1, "decision": "reject"}]
        assert decide({"decisions": named, "all": "approve"}) == ["approve", "reject", "approve"]

    @pytest.mark.parametrize("answer", ["approve", " Approve ", '"approve"', '{"all": "approve"}'])
    def test_may_be_a_word_or_json_as_it_is_typed_into_a_box(self, answer: str) -> None:
        assert decide(answer) == ["approve"] * 3

    def test_may_be_a_bare_list_of_decisions(self) -> None:
        assert decide([{"operation": n, "decision": "reject"} for n in range(3)]) == ["reject"] * 3

    def test_comes_in_any_order(self) -> None:
        kinds = ["approve", "approve", "reject"]
        named = [{"operation": n, "decision": kinds[n]} for n in (2, 0, 1)]
        assert decide({"decisions": named}) == kinds

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (None, "the answer"),
            ("yes", "'yes'"),
            ({}, "operation 0 is not decided on"),
            ({"decisions": [{"operation": 0, "decision": "approve"}]}, "operation 1 is not"),
            ({"all": "maybe"}, "all is 'maybe'"),
            ({"every": "approve"}, "every"),
            ({"decisions": [{"operation": 0, "decision": "accept"}]}, "decisions.0.decision"),
            ({"decisions": [{"operation": 3, "decision": "approve"}], **APPROVE}, "no operation 3"),
            ({"decisions": [{"operation": -1, "decision": "reject"}], **APPROVE}, "no operation"),
            ({"decisions": [{"operation": 0, "decision": "reject"}] * 2, **APPROVE}, "twice"),
            ({"decisions": [{"operation": 0, "decision": "edit"}], **APPROVE}, "needs the content"),
        ],
    )
    def test_that_is_invalid_gets_an_explanation(self, answer: Any, said: str) -> None:
        with pytest.raises(ReviewError, match=said):
            decide(answer)

    @pytest.mark.parametrize(
        ("number", "kind", "content", "said"),
        [
            (0, "edit", "Long: " + "word " * MOST, "9 words"),
            (0, "edit", "  ", "needs content"),
            (0, "edit", "sums: add them twice", "same as G1"),
            (2, "edit", "Anything: else.", "a deletion"),
            (0, "approve", "Anything: else.", "only `edit`"),
        ],
    )
    def test_content_is_checked_as_a_model_s_is(
        self, number: int, kind: str, content: str, said: str
    ) -> None:
        decision = {"operation": number, "decision": kind, "content": content}
        with pytest.raises(ReviewError, match=f"operation {number}: .*{said}"):
            decide({"decisions": [decision], **APPROVE})

    def test_content_may_repeat_what_a_decision_before_it_deletes(self) -> None:
        found = [OPERATIONS[2], OPERATIONS[0]]
        words = {"operation": 1, "decision": "edit", "content": "Sums: add them twice."}
        assert len(read_answer({"decisions": [words], **APPROVE}, found, LIBRARY, MOST)) == 2
        kept = [{"operation": 0, "decision": "reject"}, words]
        with pytest.raises(ReviewError, match=r"operation 1: .*same as G1"):
            read_answer({"decisions": kept}, found, LIBRARY, MOST)

    def test_content_may_not_repeat_that_of_a_decision_before_it(self) -> None:
        twice = [
            {"operation": n, "decision": "edit", "content": "Roots: test each."} for n in (0, 1)
        ]
        with pytest.raises(ReviewError, match=r"operation 1: .*same as G2"):
            decide({"decisions": twice, **APPROVE})

    def test_that_names_another_step_is_refused(self) -> None:
        assert len(read_answer({"step": 2, **APPROVE}, OPERATIONS, LIBRARY, MOST, step=2)) == 3
        with pytest.raises(ReviewError, match="for the plan of step 1, but step 2 is waiting"):
            read_answer({"step": 1, **APPROVE}, OPERATIONS, LIBRARY, MOST, step=2)


class TestOutcome:
    def carry(self, *decisions: dict[str, Any]) -> Any:
        found = read_answer({"decisions": decisions, **APPROVE}, OPERATIONS, LIBRARY, MOST)
        return carry_decisions(PLAN, found, step=1)

    def test_what_is_approved_stays_as_it_is(self) -> None:
        assert self.carry() == (PLAN, [])

    def test_what_is_rejected_leaves_the_plan_and_is_kept_with_its_reason(self) -> None:
        plan, declined = self.carry({"operation": 0, "decision": "reject", "reason": "too narrow"})
        assert plan["edits"] == PLAN["edits"][1:]
        assert plan["rejected"][-1]["reason"] == "declined in review: too narrow"
        assert declined == [{"step": 1, "operation": OPERATIONS[0], "reason": "too narrow"}]

    def test_what_is_edited_has_the_new_words_and_the_old_evidence(self) -> None:
        plan, declined = self.carry({"operation": 1, "decision": "edit", "content": "Units:\n so."})
        changed, before = plan["edits"][1], PLAN["edits"][1]
        assert changed["operation"] == {**before["operation"], "content": "Units: so."}
        assert changed["origin"] == {**before["origin"], "edited": True}
        assert declined == []

    def test_an_id_before_new_words_is_not_part_of_them(self) -> None:
        typed = " [G7] Units: write [G1] down."
        plan, _ = self.carry({"operation": 1, "decision": "edit", "content": typed})
        assert plan["edits"][1]["operation"]["content"] == "Units: write [G1] down."
