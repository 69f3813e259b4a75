"""What the package offers by its own name."""

import inspect
import typing
from typing import Any

import pytest

import training_free_grpo as package
from training_free_grpo import UserError
from training_free_grpo.graders import load_grader
from training_free_grpo.lifecycle import close, on_close
from training_free_grpo.rollouts.toolbox import default_toolbox
from training_free_grpo.settings import Settings

ERRORS = [
    *("ClusterError", "DatabaseError", "DatasetError", "ImportNameError", "LibraryError"),
    *("ModelError", "OutOfBudget", "Outage", "OverlapError", "Refused", "RunError"),
    *("SettingsError", "StorageError", "Unusable"),
]


def test_the_package_lists_public_names_only() -> None:
    assert dir(package) == sorted(["__version__", *package.__all__])
    assert [name for name in package.__all__ if getattr(package, name, None) is None] == []


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_one_that_a_user_can_fix(name: str) -> None:
    assert issubclass(getattr(package, name), UserError)


@pytest.mark.parametrize("name", ["train", "evaluate", "compare", "atrain"])
def test_types_of_a_call_are_told_and_explained(name: str) -> None:
    call: Any = getattr(package, name)
    assert typing.get_type_hints(inspect.unwrap(call))
    assert inspect.getdoc(call)


def test_closing_ends_what_outlives_a_call_and_the_next_call_starts_it_again() -> None:
    python = default_toolbox(Settings(tools="python")).tools[0]
    grade: Any = load_grader("math")
    problem = {"id": "a", "problem": "?", "answers": ["\\frac{x}{2} + 1"]}
    for _ in range(2):
        assert "42" in str(python.invoke({"code": "print(6 * 7)"}))
        assert grade(problem, "\\boxed{1 + x/2}")["reward"] == 1.0
        close()


def test_who_has_something_to_end_says_so_once() -> None:
    ended: list[str] = []
    on_close(lambda: ended.append("it"))
    close()
    close()
    assert ended == ["it"]
