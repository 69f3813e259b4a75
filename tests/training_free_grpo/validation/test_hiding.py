from collections import Counter
from functools import partial

from training_free_grpo.validation.hiding import hidden_lessons

LESSONS = [f"G{n}" for n in range(10)]


def hidden(attempt: int, problem: str = "p1", step: int = 1, size: int = 5) -> list[str]:
    return hidden_lessons(
        LESSONS,
        0.2,
        seed=7,
        step=step,
        problem=problem,
        attempt=attempt,
        group_size=size,
    )


def test_a_fifth_hides_each_lesson_from_one_attempt_of_five() -> None:
    counts = Counter(lesson for attempt in range(5) for lesson in hidden(attempt))
    assert counts == dict.fromkeys(LESSONS, 1)


def test_every_lesson_is_shown_to_some_attempt_of_the_smallest_group() -> None:
    masks = [
        hidden_lessons(LESSONS, 0.5, seed=1, step=1, problem="p", attempt=n, group_size=2)
        for n in (0, 1)
    ]
    assert not set(masks[0]) & set(masks[1])


def test_a_group_of_one_sees_every_lesson() -> None:
    assert hidden(0, size=1) == []


def test_problems_share_a_few_masks_so_that_prompts_share_prefixes() -> None:
    masks = {tuple(hidden(n, problem=f"p{m}")) for n in range(5) for m in range(200)}
    assert 5 < len(masks) <= 25


def test_another_step_hides_other_lessons() -> None:
    assert [hidden(n) for n in range(5)] != [hidden(n, step=2) for n in range(5)]


def test_a_new_lesson_leaves_the_masks_of_the_others_as_they_are() -> None:
    # In groups of 25, one block of masks is enough for 10 lessons and for 11.
    mask = partial(hidden_lessons, share=0.2, seed=7, step=1, problem="p", group_size=25)
    for attempt in range(25):
        more = mask([*LESSONS, "G10"], attempt=attempt)
        assert [lesson for lesson in more if lesson != "G10"] == mask(LESSONS, attempt=attempt)
