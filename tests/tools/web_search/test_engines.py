"""The engines over HTTP, each played by a local server as its documentation describes it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import SecretStr

from tests.tools.web_search.engine import Engine, Reply
from training_free_grpo.tools.web_search import (
    RateLimited,
    SearchError,
    SearchProvider,
    SearchSetupError,
    brave,
    searxng,
    serper,
    tavily,
)

KEY = "a-secret-key"
KEYED: dict[str, Callable[..., SearchProvider]] = {
    "tavily": tavily,
    "brave": brave,
    "serper": serper,
}


def make(name: str, engine: Engine, **options: Any) -> SearchProvider:
    if name == "searxng":
        return searxng(engine.url, **options)
    return KEYED[name](KEY, base_url=engine.url, **options)


every_engine = pytest.mark.parametrize("name", [*KEYED, "searxng"])
every_keyed = pytest.mark.parametrize("name", KEYED)

BODIES = {
    "tavily": {
        "query": "paris",
        "results": [
            {
                "title": "Paris",
                "url": "https://example.org/a?b=1&copy=2",
                "content": "A city.",
                "score": 0.9,
                "published_date": "Wed, 01 May 2024 10:00:00 GMT",
            }
        ],
        "response_time": 1.2,
    },
    "brave": {
        "type": "search",
        "web": {
            "type": "search",
            "results": [
                {
                    "title": "Paris",
                    "url": "https://example.org/a?b=1&copy=2",
                    "description": "A <strong>city</strong>.",
                    "page_age": "2024-05-01T10:00:00",
                }
            ],
        },
    },
    "serper": {
        "searchParameters": {"q": "paris"},
        "organic": [
            {
                "title": "Paris",
                "link": "https://example.org/a?b=1&copy=2",
                "snippet": "A city.",
                "date": "May 1, 2024",
                "position": 1,
            }
        ],
    },
    "searxng": {
        "query": "paris",
        "number_of_results": 0,
        "results": [
            {
                "title": "Paris",
                "url": "https://example.org/a?b=1&copy=2",
                "content": "A city.",
                "engine": "bing",
                "publishedDate": "2024-05-01T00:00:00",
            }
        ],
        "unresponsive_engines": [["google", "timeout"]],
    },
}


@every_engine
def test_every_engine_gives_the_same_result(name: str, engine: Engine) -> None:
    engine.play(Reply(BODIES[name]))
    assert make(name, engine)("paris", 3) == [
        {
            "title": "Paris",
            "url": "https://example.org/a?b=1&copy=2",
            "snippet": "A city.",
            "source": name,
            "published": "2024-05-01",
        }
    ]


def test_tavily_is_asked_in_its_own_words(engine: Engine) -> None:
    engine.play(Reply(BODIES["tavily"]))
    make("tavily", engine, language="fr", recency="week")("paris", 30)
    [asked] = engine.asked
    assert (asked.method, asked.path) == ("POST", "/search")
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    assert asked.json == {
        "query": "paris",
        "max_results": 20,
        "include_published_date": True,
        "time_range": "week",
        "language": "fr",
    }


def test_brave_is_asked_in_its_own_words(engine: Engine) -> None:
    engine.play(Reply(BODIES["brave"]))
    make("brave", engine, language="pt-br", recency="month")("paris", 30)
    [asked] = engine.asked
    assert (asked.method, asked.path) == ("GET", "/res/v1/web/search")
    assert asked.headers["X-Subscription-Token"] == KEY
    assert asked.query == {"q": "paris", "count": "20", "freshness": "pm", "search_lang": "pt-br"}


def test_serper_is_asked_in_its_own_words(engine: Engine) -> None:
    engine.play(Reply(BODIES["serper"]))
    make("serper", engine, language="fr", recency="day")("paris", 3)
    [asked] = engine.asked
    assert (asked.method, asked.path) == ("POST", "/search")
    assert asked.headers["X-API-KEY"] == KEY
    assert asked.json == {"q": "paris", "num": 3, "tbs": "qdr:d", "hl": "fr"}


def test_searxng_is_asked_in_its_own_words(engine: Engine) -> None:
    engine.play(Reply(BODIES["searxng"]))
    searxng(engine.url + "/", language="fr-CA", recency="year")("paris", 3)
    [asked] = engine.asked
    assert (asked.method, asked.path) == ("GET", "/search")
    assert asked.query == {
        "q": "paris",
        "format": "json",
        "time_range": "year",
        "language": "fr-CA",
    }


@every_engine
def test_options_that_are_not_chosen_are_not_sent(name: str, engine: Engine) -> None:
    engine.play(Reply(BODIES[name]))
    make(name, engine)("paris", 3)
    [asked] = engine.asked
    sent = asked.json if asked.body else asked.query
    assert not {"language", "search_lang", "hl", "time_range", "freshness", "tbs"} & set(sent)


@every_engine
def test_a_recency_that_no_engine_knows_is_refused(name: str, engine: Engine) -> None:
    with pytest.raises(ValueError, match="recency='hour': choose one of day, week, month, year"):
        make(name, engine, recency="hour")


def test_an_address_without_a_scheme_is_refused_without_its_password() -> None:
    with pytest.raises(ValueError, match=r"base_url='localhost:8080': begin with http://") as info:
        searxng("me:hush@localhost:8080")
    assert "hush" not in str(info.value)


def test_brave_gets_as_much_of_a_long_query_as_it_takes(engine: Engine) -> None:
    engine.play(Reply(BODIES["brave"]))
    make("brave", engine)("word " * 60, 3)
    make("brave", engine)("x" * 500, 3)
    assert [asked.query["q"] for asked in engine.asked] == [" ".join(["word"] * 50), "x" * 400]


def test_brave_says_that_there_are_no_results_by_leaving_them_out(engine: Engine) -> None:
    engine.play(Reply({"type": "search", "query": {"original": "x"}}))
    assert make("brave", engine)("x", 3) == []


def test_searxng_with_no_results_and_silent_engines_is_not_called_empty(engine: Engine) -> None:
    engine.play(Reply({"results": [], "unresponsive_engines": [["google", "CAPTCHA"]]}))
    with pytest.raises(SearchError, match="some of its engines"):
        make("searxng", engine)("paris", 3)


def test_searxng_with_no_results_from_engines_that_answered_is_empty(engine: Engine) -> None:
    engine.play(Reply({"results": [], "unresponsive_engines": []}))
    assert make("searxng", engine)("paris", 3) == []


def test_searxng_results_are_cut_to_the_number_wanted(engine: Engine) -> None:
    engine.play(Reply({"results": [{"title": "x", "url": f"https://e.org/{n}"} for n in range(9)]}))
    assert len(make("searxng", engine)("paris", 3)) == 3


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("<strong>Tom</strong> &amp; <B class='x'>Jerry</B>", "Tom & Jerry"),
        ("it&#x27;s<br/> &lt;b&gt;", "it's <b>"),
        ("write <div> where a < b", "write <div> where a < b"),
        (None, ""),
        (7, ""),
    ],
)
def test_markup_and_entities_become_plain_text(said: object, meant: str, engine: Engine) -> None:
    rows = [{"title": said, "url": "https://e.org", "description": said}]
    engine.play(Reply({"web": {"results": rows}}))
    [result] = make("brave", engine)("paris", 3)
    assert (result["title"], result["snippet"]) == (meant, meant)


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        "soon",
        "2024",
        "99 months ago",
        f"1 Jan 2024 10:00:00 +{10**14}",
        20240501,
        "May 40, 2024",
    ],
)
def test_what_is_no_date_is_left_out(said: object, engine: Engine) -> None:
    engine.play(Reply({"organic": [{"title": "x", "link": "https://e.org", "date": said}]}))
    [result] = make("serper", engine)("paris", 3)
    assert "published" not in result


def test_an_age_becomes_a_date(engine: Engine) -> None:
    engine.play(
        Reply({"organic": [{"title": "x", "link": "https://e.org", "date": "3 weeks ago"}]})
    )
    [result] = make("serper", engine)("paris", 3)
    days = (datetime.now(UTC).date() - datetime.fromisoformat(result["published"]).date()).days
    assert days in (21, 22)  # 22 where midnight has just passed


def test_rows_that_are_no_results_are_passed_over(engine: Engine) -> None:
    rows = [None, "x", {"title": "no address"}, {"url": 7}, {"url": "https://e.org"}]
    engine.play(Reply({"results": rows}))
    assert [result["url"] for result in make("tavily", engine)("paris", 9)] == ["https://e.org"]


def test_half_a_character_does_not_come_through(engine: Engine) -> None:
    engine.play(
        Reply(rb'{"results": [{"title": "\ud800", "url": "h\ud800", "content": "\ud800"}]}')
    )
    [result] = make("tavily", engine)("paris", 9)
    assert [result["title"], result["url"], result["snippet"]] == ["?", "h?", "?"]


def test_a_snippet_of_any_length_is_cut(engine: Engine) -> None:
    engine.play(Reply({"results": [{"url": "https://e.org", "content": "x" * 100_000}]}))
    assert len(make("tavily", engine)("paris", 9)[0]["snippet"]) == 2_000


@every_engine
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b"null",
        b"7",
        b'{"results": 7, "web": 7}',
    ],
)
def test_a_broken_answer_is_a_search_error(name: str, body: bytes, engine: Engine) -> None:
    engine.play(Reply(body))
    with pytest.raises(SearchError, match="(?i)" + name):
        make(name, engine)("paris", 3)


@every_engine
@pytest.mark.parametrize("status", [301, 400, 404, 422, 432, 500, 503])
def test_another_status_is_a_search_error(name: str, status: int, engine: Engine) -> None:
    engine.play(Reply({"error": f"your key {KEY} …"}, status))
    with pytest.raises(SearchError, match=f"answered HTTP {status}$"):
        make(name, engine)("paris", 3)


@every_engine
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_for_the_operator(name: str, status: int, engine: Engine) -> None:
    engine.play(Reply({}, status))
    remedy = "settings.yml" if name == "searxng" else f"{name.upper()}_API_KEY, or pass {name}("
    with pytest.raises(SearchSetupError, match=re.escape(remedy)) as info:
        make(name, engine)("paris", 3)
    assert KEY not in str(info.value)


def test_brave_refuses_a_key_with_another_status(engine: Engine) -> None:
    engine.play(
        Reply({"type": "ErrorResponse", "error": {"code": "SUBSCRIPTION_TOKEN_INVALID"}}, 422)
    )
    with pytest.raises(SearchSetupError, match="BRAVE_API_KEY"):
        make("brave", engine)("paris", 3)


@every_engine
def test_too_many_requests_say_for_how_long(name: str, engine: Engine) -> None:
    engine.play(Reply({}, 429, {"Retry-After": "30"}))
    with pytest.raises(RateLimited, match="asked too often") as info:
        make(name, engine)("paris", 3)
    assert info.value.retry_after == 30


def test_a_wait_may_be_given_as_a_point_in_time(engine: Engine) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    engine.play(Reply({}, 429, {"Retry-After": format_datetime(until, usegmt=True)}))
    with pytest.raises(RateLimited) as info:
        make("tavily", engine)("paris", 3)
    assert 3000 < (info.value.retry_after or 0) <= 3600


def test_brave_gives_the_wait_by_quota(engine: Engine) -> None:
    headers = {"X-RateLimit-Remaining": "0, 1999", "X-RateLimit-Reset": "1, 1419704"}
    engine.play(Reply({}, 429, headers))
    with pytest.raises(RateLimited) as info:
        make("brave", engine)("paris", 3)
    assert info.value.retry_after == 1


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"Retry-After": "soon"},
        {"Retry-After": f"1 Jan 2024 10:00:00 +{10**14}"},
        {"Retry-After": "9" * 40},
    ],
)
def test_a_wait_that_is_not_said_is_unknown(said: dict[str, str], engine: Engine) -> None:
    engine.play(Reply({}, 429, said))
    with pytest.raises(RateLimited) as info:
        make("tavily", engine)("paris", 3)
    assert info.value.retry_after is None


@every_engine
def test_a_huge_answer_is_not_read_to_its_end(name: str, engine: Engine) -> None:
    engine.play(Reply(b" " * 6_000_000))
    with pytest.raises(SearchError, match="more than 5,000,000 bytes"):
        make(name, engine)("paris", 3)


@every_engine
def test_an_engine_that_does_not_answer_is_given_up(name: str, engine: Engine) -> None:
    engine.gate.clear()
    with pytest.raises(SearchError, match=r"could not be asked \(ReadTimeout\)"):
        make(name, engine, timeout=0.1)("paris", 3)


def test_an_engine_that_never_finishes_is_abandoned(engine: Engine) -> None:
    engine.play(Reply(drips=0.05))
    with pytest.raises(SearchError, match=r"took more than 0\.3 s"):
        make("tavily", engine, timeout=0.3)("paris", 3)


def test_an_engine_out_of_reach_is_a_search_error() -> None:
    with pytest.raises(SearchError, match=r"Tavily could not be asked \(ConnectError\)"):
        tavily(KEY, base_url="http://127.0.0.1:9")("paris", 3)


@every_keyed
def test_a_key_is_read_from_the_environment_at_the_search(
    name: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.play(Reply(BODIES[name]))
    search = KEYED[name](base_url=engine.url)
    monkeypatch.setenv(f"{name.upper()}_API_KEY", "from-outside\n")
    search("paris", 3)
    assert any("from-outside" in value for value in engine.asked[0].headers.values())


@every_keyed
def test_without_a_key_nothing_is_asked(name: str, engine: Engine) -> None:
    with pytest.raises(SearchSetupError, match=rf"set {name.upper()}_API_KEY, or pass {name}\("):
        KEYED[name](base_url=engine.url)("paris", 3)
    assert engine.asked == []


@pytest.mark.parametrize("key", ["clé", "two\nlines"])
def test_what_cannot_be_a_key_is_not_sent_and_not_shown(key: str, engine: Engine) -> None:
    with pytest.raises(SearchSetupError, match="is not valid") as info:
        tavily(key, base_url=engine.url)("paris", 3)
    assert key not in str(info.value)
    assert engine.asked == []


@every_keyed
@pytest.mark.parametrize("key", [KEY, SecretStr(KEY)])
def test_a_repr_names_the_options_and_not_the_key(name: str, key: str | SecretStr) -> None:
    search = KEYED[name](key, language="fr", recency="week", base_url="https://me:hush@proxy.test")
    options = "language='fr', recency='week', base_url='https://proxy.test'"
    assert repr(search) == f"{name}({options})"


def test_a_secret_key_is_sent(engine: Engine) -> None:
    engine.play(Reply(BODIES["serper"]))
    serper(SecretStr(KEY), base_url=engine.url)("paris", 3)
    assert engine.asked[0].headers["X-API-KEY"] == KEY
