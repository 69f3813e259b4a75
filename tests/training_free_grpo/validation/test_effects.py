import random

from training_free_grpo.validation.effects import Attempted, estimate_effects, harmful
from training_free_grpo.validation.hiding import hidden_lessons

LESSONS = ["G0", "G1", "G2", "G3"]
TRUTH = {"G0": 0.3, "G1": -0.3, "G2": 0.0, "G3": 0.0}


def attempts(problems: int = 120, lessons: list[str] = LESSONS) -> list[Attempted]:
    """Make attempts whose rewards depend on the lessons that they saw."""
    draw, made = random.Random(3), []
    for problem in range(problems):
        for attempt in range(5):
            hidden = hidden_lessons(
                lessons, 0.2, seed=5, step=1, problem=str(problem), attempt=attempt, group_size=5
            )
            chance = 0.5 + sum(TRUTH[lesson] for lesson in lessons if lesson not in hidden)
            reward = float(draw.random() < chance)
            made.append(Attempted(f"1/{problem}", str(problem), lessons, frozenset(hidden), reward))
    return made


def test_intervals_hold_the_true_effects() -> None:
    found = estimate_effects(attempts())
    for lesson, truth in TRUTH.items():
        interval = found[lesson].interval
        assert interval is not None
        assert interval[0] <= truth <= interval[1], lesson


def test_attempts_with_and_without_a_lesson_are_counted() -> None:
    effect = estimate_effects(attempts())["G0"]
    assert (effect.with_it, effect.without_it) == (480, 120)


def test_a_lesson_that_harms_is_found_and_no_other() -> None:
    assert harmful(estimate_effects(attempts()), 0.05) == ["G1"]


def test_lessons_that_are_always_hidden_together_are_not_told_apart() -> None:
    made = [
        Attempted(f"1/{p}", str(p), ["G0", "G1"], frozenset(["G0", "G1"] if n else []), float(n))
        for p in range(20)
        for n in range(2)
    ]
    found = estimate_effects(made)
    assert [found[lesson].value for lesson in ("G0", "G1")] == [None, None]


def test_too_few_problems_give_no_effect() -> None:
    assert estimate_effects(attempts(problems=4))["G0"].value is None


def test_a_lesson_that_was_never_hidden_has_no_effect() -> None:
    made = [Attempted(f"1/{p}", str(p), ["G0"], frozenset(), 1.0) for p in range(20)]
    assert estimate_effects(made) == {}
