import pytest

from tests.tools.web_search.engine import Engine, Reply
from training_free_grpo.tools.web_search import SearchError, duckduckgo, make_search_tool

PAGE = b"""
<div class="result__body"><h2>Paris</h2><a href="https://example.org/paris">A city.</a></div>
"""


@pytest.fixture
def duck(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    from ddgs.engines.duckduckgo import Duckduckgo

    monkeypatch.setattr(Duckduckgo, "search_url", engine.url)
    return engine


def test_results_come_from_duckduckgo(duck: Engine) -> None:
    duck.play(Reply(PAGE))
    assert duckduckgo()("paris", 3) == [
        {
            "title": "Paris",
            "url": "https://example.org/paris",
            "snippet": "A city.",
            "source": "duckduckgo",
        }
    ]


def test_duckduckgo_is_asked_in_its_own_words(duck: Engine) -> None:
    duck.play(Reply(PAGE))
    duckduckgo(region="ca-fr", recency="month")("paris", 3)
    assert b"l=ca-fr" in duck.asked[0].body
    assert b"df=m" in duck.asked[0].body


def test_pages_of_any_age_and_place_are_wanted_by_default(duck: Engine) -> None:
    duck.play(Reply(PAGE))
    duckduckgo()("paris", 3)
    assert b"l=wt-wt" in duck.asked[0].body
    assert b"df=" not in duck.asked[0].body


@pytest.mark.parametrize("reply", [Reply(b"<html></html>"), Reply(b"", 202), Reply(b"", 403)])
def test_a_refused_search_is_never_called_empty(reply: Reply, duck: Engine) -> None:
    duck.play(reply)
    with pytest.raises(SearchError, match="DuckDuckGo gave no answer"):
        duckduckgo()("paris", 3)


def test_duckduckgo_out_of_reach_is_a_search_error(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing listens on this port: no request leaves the machine.
    monkeypatch.setenv("DDGS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(SearchError, match="DuckDuckGo gave no answer"):
        duckduckgo()("paris", 3)


def test_duckduckgo_is_asked_where_no_provider_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DDGS_PROXY", "http://127.0.0.1:9")
    assert "DuckDuckGo gave no answer" in make_search_tool().invoke({"query": "paris"})


def test_its_repr_names_the_options() -> None:
    assert repr(duckduckgo(region="fr-fr", recency="day")) == (
        "duckduckgo(region='fr-fr', recency='day')"
    )
