import pytest

from training_free_grpo.models.traffic.breaker import PATIENCE, CircuitBreaker
from training_free_grpo.models.traffic.failures import Failure


def fail(
    breaker: CircuitBreaker, times: int, now: float, failure: Failure = "failing"
) -> float | None:
    silent = None
    for _ in range(times):
        silent = breaker.fail(failure, now, now)
    return silent


def test_a_few_failures_leave_an_endpoint_open() -> None:
    breaker = CircuitBreaker()
    fail(breaker, 9, 0.0)
    assert not breaker.is_open
    assert breaker.opens_at == 0.0


def test_many_failures_in_a_row_leave_one_call_to_find_out() -> None:
    breaker = CircuitBreaker()
    fail(breaker, 10, 0.0)
    assert breaker.is_open
    assert breaker.opens_at > 0.0


def test_an_answer_shows_that_the_endpoint_lives() -> None:
    breaker = CircuitBreaker()
    fail(breaker, 100, 0.0)
    breaker.answer()
    assert not breaker.is_open
    assert breaker.opens_at == 0.0


def test_failures_of_calls_that_were_in_flight_do_not_put_off_the_next_try() -> None:
    breaker = CircuitBreaker()
    fail(breaker, 10, 1.0)
    first = breaker.opens_at
    breaker.fail("failing", 0.5, 1.1)
    assert breaker.opens_at == first


@pytest.mark.parametrize("failure", ["failing", "unreachable"])
def test_an_endpoint_is_given_up_after_its_patience_and_few_tries(failure: Failure) -> None:
    breaker, tries = CircuitBreaker(), 0
    fail(breaker, 10, 0.0, failure)
    while (silent := breaker.fail(failure, breaker.opens_at, breaker.opens_at)) is None:
        tries += 1
    assert PATIENCE[failure] < silent < 1.5 * PATIENCE[failure]
    assert tries <= 8


def test_an_endpoint_that_is_only_asked_too_much_stays_open_for_longer() -> None:
    breaker = CircuitBreaker()
    assert fail(breaker, 100, 0.0, "overloaded") is None
    assert not breaker.is_open
    assert breaker.fail("overloaded", 0.0, PATIENCE["failing"] + 1) is None
    assert breaker.fail("overloaded", 0.0, PATIENCE["overloaded"] + 1) is not None
