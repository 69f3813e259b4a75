"""How each lesson came to be, from the library as every step left it."""

from typing import Any

from training_free_grpo.library import apply_operation, empty_library, trace_changes
from training_free_grpo.records import JSON, Library, Origin


def edit(library: Library, step: int, kind: Any, *ids: str, content: str = "") -> Library:
    origin: Origin = {
        "step": step,
        "problems": [f"p{step}"],
        "rollouts": [],
        "model": "m",
        "prompt": "x",
    }
    operation: Any = {"operation": kind, "ids": list(ids), "content": content, "rationale": ""}
    return apply_operation(library, operation, origin)


def history() -> list[JSON]:
    start = empty_library()
    one = edit(edit(start, 1, "add", content="A: one."), 1, "add", content="B: two.")
    two = edit(one, 2, "update", "G0", content="A: better.")
    three = edit(two, 3, "merge", "G0", "G1", content="AB: both.")
    four = edit(three, 4, "delete", "G2")
    return trace_changes([(0, start), (1, one), (2, two), (3, three), (4, four)])


def told(step: int) -> list[JSON]:
    return [change for change in history() if change["step"] == step]


def test_added_lesson_names_the_problems_behind_it() -> None:
    first, second = told(1)
    assert (first["id"], first["change"], first["new"]) == ("G0", "added", "A: one.")
    assert (second["id"], second["problems"]) == ("G1", ["p1"])


def test_changed_lesson_is_listed_with_its_old_words() -> None:
    (change,) = told(2)
    assert (change["old"], change["new"]) == ("A: one.", "A: better.")
    assert change["problems"] == ["p2"]


def test_merged_lessons_and_what_they_became_name_each_other() -> None:
    gone, _, made = told(3)
    assert (gone["change"], gone["merged_into"]) == ("deleted", ["G2"])
    assert (made["change"], made["parents"]) == ("added", ["G0", "G1"])


def test_deleted_lesson_is_merged_into_none() -> None:
    (change,) = told(4)
    assert (change["change"], change["new"], change["merged_into"]) == ("deleted", None, [])


def test_steps_that_changed_nothing_are_left_out() -> None:
    assert trace_changes([(0, empty_library()), (1, empty_library())]) == []
