from collections import Counter

import pytest

from training_free_grpo.learning.batches import count_steps, draw
from training_free_grpo.settings import Settings

IDS = [f"p{n}" for n in range(10)]
SETTINGS = Settings(epochs=3, batch_size=4, seed=7)


def batches(settings: Settings, ids: list[str]) -> list[tuple[int, list[str]]]:
    return [draw(ids, n, settings) for n in range(1, count_steps(len(ids), settings) + 1)]


def epochs(settings: Settings, ids: list[str]) -> list[list[str]]:
    found: list[list[str]] = [[] for _ in range(settings.epochs)]
    for epoch, batch in batches(settings, ids):
        found[epoch - 1] += batch
    return found


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("size", [1, 3, 4, 10, 99])
def test_every_epoch_visits_every_problem_once(size: int, shuffle: bool) -> None:
    settings = Settings(epochs=3, batch_size=size, shuffle=shuffle)
    assert [Counter(epoch) for epoch in epochs(settings, IDS)] == [Counter(IDS)] * 3


def test_epochs_come_in_different_orders_and_in_different_batches() -> None:
    found = epochs(SETTINGS, IDS)
    assert len({tuple(epoch) for epoch in [IDS, *found]}) == 4
    assert len({frozenset(epoch[:4]) for epoch in found}) > 1


def test_the_same_seed_draws_the_same_batches() -> None:
    assert batches(SETTINGS, IDS) == batches(Settings(epochs=3, batch_size=4, seed=7), IDS)


def test_another_seed_draws_other_batches() -> None:
    assert batches(SETTINGS, IDS) != batches(Settings(epochs=3, batch_size=4, seed=8), IDS)


def test_the_order_does_not_hang_on_the_order_of_the_file() -> None:
    assert batches(SETTINGS, IDS) == batches(SETTINGS, IDS[::-1])


def test_the_draw_is_the_same_on_every_platform_and_in_every_version() -> None:
    assert batches(Settings(epochs=2, batch_size=2, seed=42), list("abcde")) == [
        (1, ["c", "a"]),
        (1, ["e", "b"]),
        (1, ["d"]),
        (2, ["d", "e"]),
        (2, ["c", "a"]),
        (2, ["b"]),
    ]


def test_without_shuffling_every_epoch_keeps_the_order_of_the_file() -> None:
    settings = Settings(epochs=2, batch_size=4, shuffle=False)
    assert epochs(settings, IDS) == [IDS, IDS]


def test_the_last_batch_of_an_epoch_may_be_smaller() -> None:
    sizes = [(epoch, len(batch)) for epoch, batch in batches(SETTINGS, IDS)]
    assert sizes == [(1, 4), (1, 4), (1, 2), (2, 4), (2, 4), (2, 2), (3, 4), (3, 4), (3, 2)]


@pytest.mark.parametrize(
    ("problems", "size", "steps"), [(10, 4, 9), (10, 5, 6), (10, 100, 3), (1, 1, 3), (100, 100, 3)]
)
def test_steps_are_counted_over_all_epochs(problems: int, size: int, steps: int) -> None:
    assert count_steps(problems, Settings(epochs=3, batch_size=size)) == steps
