import pytest

from tests.clock import Clock
from tests.tools.web_search.providers import Script, result
from training_free_grpo.tools.web_search import (
    RateLimited,
    SearchResult,
    duckduckgo,
    fallback,
    rate_limited,
)


def test_searches_lie_a_gap_apart() -> None:
    times, clock = [], Clock()

    def note(query: str, max_results: int) -> list[SearchResult]:
        times.append(clock())
        return [result()]

    search = rate_limited(note, per_second=4, clock=clock, sleep=clock.sleep)
    for _ in range(4):
        assert search("paris", 3) == [result()]
    assert times == [0, 0.25, 0.5, 0.75]


def test_a_wait_that_would_be_too_long_is_refused() -> None:
    search = rate_limited(Script(result()), per_second=0.001)
    search("paris", 3)
    with pytest.raises(RateLimited, match="wait for their turn") as info:
        search("paris", 3)
    assert 900 < (info.value.retry_after or 0) <= 1000


def test_a_chain_continues_if_the_turn_is_far_off() -> None:
    slow = rate_limited(Script(result("slow")), per_second=0.001)
    chain = fallback(slow, Script(result("quick")))
    assert [chain("paris", 3)[0]["title"] for _ in range(3)] == ["slow", "quick", "quick"]


@pytest.mark.parametrize("per_second", [0, -1, float("nan")])
def test_a_rate_of_nothing_is_refused(per_second: float) -> None:
    with pytest.raises(ValueError, match="give a number above 0"):
        rate_limited(Script(result()), per_second=per_second)


def test_its_repr_is_that_of_the_provider() -> None:
    assert repr(rate_limited(duckduckgo(), per_second=1)) == "duckduckgo()"
