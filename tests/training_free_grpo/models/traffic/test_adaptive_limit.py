from itertools import pairwise

import pytest

from training_free_grpo.models.traffic.adaptive_limit import AdaptiveLimit


def refuse(
    width: AdaptiveLimit, times: int, begun: float, now: float, asked: float | None = 1.0
) -> None:
    for _ in range(times):
        width.refuse(begun, now, asked)


def test_nothing_is_sent_before_the_time_that_the_endpoint_asks_for() -> None:
    width = AdaptiveLimit(128)
    width.refuse(0.0, 5.0, 7.0)
    assert width.opens_at == 12.0


def test_no_endpoint_is_waited_for_longer_than_a_minute() -> None:
    width = AdaptiveLimit(128)
    width.refuse(0.0, 5.0, 3600.0)
    assert width.opens_at == 65.0


def test_an_endpoint_that_asks_for_no_time_gets_more_each_time() -> None:
    width, now, pauses = AdaptiveLimit(8), 0.0, []
    for _ in range(4):
        width.refuse(now, now, None)
        pauses.append(width.opens_at - now)
        now = width.opens_at
        width.settle(now, 0)
    assert all(longer > pause for pause, longer in pairwise(pauses))


def test_many_refusals_of_one_burst_halve_the_width_once() -> None:
    width = AdaptiveLimit(128)
    refuse(width, 112, begun=0.0, now=0.1)
    width.settle(1.1, inside=16)
    assert width.limit == 64
    refuse(width, 10, begun=0.0, now=1.2)
    width.settle(2.3, inside=16)
    assert width.limit == 64


def test_the_width_falls_to_what_the_endpoint_served_beside_the_refused() -> None:
    width = AdaptiveLimit(20)
    refuse(width, 8, begun=0.0, now=0.1)
    for _ in range(4):
        width.answer(0.0, 0.5)
    width.settle(1.1, inside=8)
    assert width.limit == 12


def test_the_width_falls_to_what_pace_and_latency_come_to() -> None:
    width, now = AdaptiveLimit(20), 0.0
    for _ in range(100):  # ten a second, each of 1.8 s
        now += 0.1
        width.answer(now - 1.8 if now > 2 else 0.1, now)
    before = width.limit
    refuse(width, 40, begun=now, now=now + 0.1)
    width.settle(now + 1.1, inside=0)
    assert before / 2 < width.limit < before


def test_a_few_refusals_among_many_calls_take_one_away() -> None:
    width = AdaptiveLimit(100)
    refuse(width, 20, begun=0.0, now=0.1)
    width.settle(1.1, inside=80)
    assert width.limit == 99


def test_the_width_never_falls_below_one() -> None:
    width, now = AdaptiveLimit(128), 0.0
    for _ in range(20):
        width.refuse(now, now, 1.0)
        now += 1.0
        width.settle(now, inside=0)
        assert width.limit >= 1
    assert width.limit == 1


@pytest.mark.parametrize(("at", "limit"), [(10.0, 4), (22.0, 5)])
def test_the_width_grows_again_only_after_a_quiet_time(at: float, limit: int) -> None:
    width = AdaptiveLimit(8)
    refuse(width, 8, begun=0.0, now=0.0)
    width.settle(1.0, inside=0)
    width.answer(at - 0.5, at)
    assert width.limit == limit


def test_the_width_grows_once_per_round_trip_up_to_its_ceiling() -> None:
    width = AdaptiveLimit(8)
    refuse(width, 8, begun=0.0, now=0.0)
    width.settle(1.0, inside=0)
    for _ in range(10):  # all sent before the width grew
        width.answer(29.0, 30.0)
    assert width.limit == 5
    for second in range(32, 60, 2):
        width.answer(second - 0.5, float(second))
    assert width.limit == 8
