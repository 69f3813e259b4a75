import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.clock import Clock
from tests.tools.web_search.engine import Engine, Reply
from tests.tools.web_search.providers import Script, result
from training_free_grpo.tools.web_search import (
    RateLimited,
    SearchError,
    SearchResult,
    SearchSetupError,
    brave,
    duckduckgo,
    fallback,
    make_search_tool,
    tavily,
)

FOUND = Reply({"results": [{"title": "Paris", "url": "https://example.org"}]})


def test_the_first_provider_that_answers_is_the_last_one_asked() -> None:
    first, second, third = Script(SearchError("no")), Script(result("2")), Script(result("3"))
    assert fallback(first, second, third)("paris", 3) == [result("2")]
    assert (first.asked, second.asked, third.asked) == ([("paris", 3)], [("paris", 3)], [])


def test_when_all_fail_every_reason_is_named() -> None:
    chain = fallback(Script(SearchError("one is down")), Script(SearchError("two is down")))
    with pytest.raises(SearchError, match=r"^one is down; two is down$"):
        chain("paris", 3)


def test_an_empty_answer_is_an_answer() -> None:
    def finds_nothing(query: str, max_results: int) -> list[SearchResult]:
        return []

    assert fallback(finds_nothing, Script(result()))("paris", 3) == []


def test_a_provider_that_is_set_up_wrongly_is_not_passed_over() -> None:
    with pytest.raises(SearchSetupError):
        fallback(tavily(), Script(result()))("paris", 3)


def test_who_wants_to_be_asked_later_is_passed_over_until_then(
    engine: Engine, other_engine: Engine
) -> None:
    engine.play(Reply({}, 429, {"Retry-After": "3600"}))
    other_engine.play(FOUND)
    chain = fallback(tavily("key", base_url=engine.url), tavily("key", base_url=other_engine.url))
    assert chain("paris", 3) == chain("rome", 3)
    assert (len(engine.asked), len(other_engine.asked)) == (1, 2)


def test_a_provider_that_has_rested_is_asked_again(engine: Engine) -> None:
    engine.play(Reply({}, 429, {"Retry-After": "1"}), FOUND)
    other, clock = Script(result("other")), Clock()
    chain = fallback(tavily("key", base_url=engine.url), other, clock=clock)
    assert chain("paris", 3) == [result("other")]
    clock.sleep(1.1)
    assert chain("paris", 3)[0]["source"] == "tavily"


def test_alone_it_is_waited_for() -> None:
    clock = Clock()

    def strict(query: str, max_results: int) -> list[SearchResult]:
        if clock() < 1:
            raise RateLimited("strict is busy", 1 - clock())
        return [result()]

    assert fallback(strict, clock=clock, sleep=clock.sleep)("paris", 3) == [result()]
    assert clock.slept == [1]


def test_alone_it_is_not_waited_for_longer_than_one_has_patience(engine: Engine) -> None:
    engine.play(Reply({}, 429, {"Retry-After": "3600"}))
    chain = fallback(tavily("key", base_url=engine.url))
    for _ in range(2):
        with pytest.raises(SearchError, match=r"Tavily is asked too often \(again in 3600 s\)"):
            chain("paris", 3)
    assert len(engine.asked) == 1


def test_the_tool_waits_for_its_only_provider(engine: Engine) -> None:
    engine.play(Reply({}, 429, {"Retry-After": "1"}), FOUND)
    tool = make_search_tool(tavily("key", base_url=engine.url))
    assert "1. Paris" in tool.invoke({"query": "paris"})


def test_waits_grow_where_none_is_said() -> None:
    busy, clock = Script(RateLimited("busy")), Clock()
    with pytest.raises(SearchError, match="busy"):
        fallback(busy, patience=2, clock=clock, sleep=clock.sleep)("paris", 3)
    assert len(busy.asked) == 3
    assert clock.slept == [0.5, 1]


def test_a_wait_of_nothing_is_no_reason_to_ask_at_once() -> None:
    busy, clock = Script(RateLimited("busy", 0)), Clock()
    with pytest.raises(SearchError, match="busy"):
        fallback(busy, patience=1, clock=clock, sleep=clock.sleep)("paris", 3)
    assert len(busy.asked) == 2


def test_many_refusals_at_the_same_time_count_as_one() -> None:
    together = threading.Barrier(8)
    calls = itertools.count()

    def busy(query: str, max_results: int) -> list[SearchResult]:
        if next(calls) < 8:
            together.wait(20)
            raise RateLimited("busy")
        return [result()]

    chain = fallback(busy, patience=8)
    with ThreadPoolExecutor(8) as threads:
        searches = [threads.submit(chain, "paris", 3) for _ in range(8)]
    assert [search.result() for search in searches] == [[result()]] * 8


def test_a_chain_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        fallback()


def test_its_repr_names_the_providers() -> None:
    chain = fallback(brave("key", base_url="http://b.test"), duckduckgo())
    assert repr(chain) == "fallback(brave(base_url='http://b.test'), duckduckgo())"
