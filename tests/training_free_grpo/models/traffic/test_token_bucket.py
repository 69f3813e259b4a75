import pytest

from training_free_grpo.models.traffic.token_bucket import TokenBucket


def takes(rate: TokenBucket, amount: float, seconds: float) -> int:
    """Count how often an amount can be taken in some seconds, by one who takes all he can."""
    now, times = 0.0, 0
    while (now := max(now, rate.ready_at())) < seconds:
        rate.take(amount, now)
        times += 1
    return times


@pytest.mark.parametrize(("a_minute", "amount"), [(60, 1), (600, 1), (7, 1), (6000, 1500)])
def test_no_more_is_taken_than_the_rate_allows(a_minute: int, amount: float) -> None:
    assert takes(TokenBucket(a_minute), amount, 600) == pytest.approx(10 * a_minute / amount, abs=2)


def test_what_was_not_used_does_not_pile_up() -> None:
    rate = TokenBucket(60)
    rate.take(1, 1000.0)
    rate.take(1, 1000.0)
    assert rate.ready_at() == pytest.approx(1001.9)


def test_what_was_taken_too_much_can_be_given_back() -> None:
    rate = TokenBucket(60)
    rate.take(10, 0.0)
    rate.take(-9, 0.0)
    assert rate.ready_at() == pytest.approx(1.0)


def test_without_a_rate_everything_is_ready() -> None:
    rate = TokenBucket(None)
    rate.take(10**9, 0.0)
    assert rate.ready_at() == 0.0
