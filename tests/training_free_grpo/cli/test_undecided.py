import re

import pytest

from training_free_grpo.cli.undecided import FEW, warn_of_undecided


def test_a_few_undecided_attempts_are_no_news() -> None:
    assert warn_of_undecided({"Words cannot tell.": 3}, int(3 / FEW)) is None
    assert warn_of_undecided({}, 0) is None


def test_more_than_a_few_are_told_with_examples_and_a_remedy() -> None:
    warning = warn_of_undecided({"Is Obama he?": 1, "Is it NYC?": 4, "Rare?": 1}, 100)
    assert warning is not None
    assert "left 6 of 100 attempts undecided (6%)" in warning
    assert "Set judge_model" in warning
    assert "Is it NYC?" in warning


@pytest.mark.parametrize("said", ["x" * 5000, "two\nlines"])
def test_an_example_is_short_and_one_line(said: str) -> None:
    warning = warn_of_undecided({said: 1}, 1)
    assert warning is not None
    assert "\n" not in warning
    assert len(re.sub(r"\s+", " ", warning)) < 600
