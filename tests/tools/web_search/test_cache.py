import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.tools.web_search.engine import Engine, Reply
from tests.tools.web_search.providers import Script, result
from training_free_grpo.tools.web_search import (
    SearchError,
    SearchResult,
    SearchSetupError,
    brave,
    cached,
    duckduckgo,
    make_search_tool,
    rate_limited,
    tavily,
)

FOUND = Reply({"results": [{"title": "Paris", "url": "https://example.org"}]})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "search.sqlite"


def test_an_answer_is_found_again(path: Path) -> None:
    provider = Script(result())
    search = cached(provider, path, name="test")
    assert search("paris", 3) == search("paris", 3) == [result()]
    assert len(provider.asked) == 1


def test_an_answer_outlives_the_cache_object(path: Path) -> None:
    cached(Script(result("first")), path, name="test")("paris", 3)
    again = cached(Script(result("second")), path, name="test")
    assert again("paris", 3) == [result("first")]


def test_an_empty_answer_is_kept(path: Path) -> None:
    asked = []

    def finds_nothing(query: str, max_results: int) -> list[SearchResult]:
        asked.append(query)
        return []

    search = cached(finds_nothing, path, name="test")
    assert search("paris", 3) == search("paris", 3) == []
    assert len(asked) == 1


@pytest.mark.parametrize("error", [SearchError("down"), SearchSetupError("no key")])
def test_an_error_is_not_kept(error: Exception, path: Path) -> None:
    search = cached(Script(error, result()), path, name="test")
    with pytest.raises(type(error)):
        search("paris", 3)
    assert search("paris", 3) == [result()]


@pytest.mark.parametrize("query", ["Paris  france", " paris\nFRANCE ", "paris france"])
def test_spelling_that_no_engine_minds_makes_no_other_query(query: str, path: Path) -> None:
    provider = Script(result())
    search = cached(provider, path, name="test")
    search("paris france", 3)
    search(query, 3)
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    ("query", "max_results"), [("paris OR rome", 3), ("paris rome", 3), ("paris or rome", 4)]
)
def test_another_query_or_number_is_another_search(
    query: str, max_results: int, path: Path
) -> None:
    provider = Script(result())
    search = cached(provider, path, name="test")
    search("paris or rome", 3)
    search(query, max_results)
    assert len(provider.asked) == 2


def test_half_a_character_in_a_query_does_no_harm(path: Path) -> None:
    assert cached(Script(result()), path, name="test")("\ud800", 3) == [result()]


def test_an_answer_is_good_for_its_time_to_live(path: Path) -> None:
    provider = Script(result("old"), result("new"))
    cached(provider, path, name="test")("paris", 3)
    assert cached(provider, path, ttl=1e-6, name="test")("paris", 3) == [result("new")]
    assert cached(provider, path, ttl=60, name="test")("paris", 3) == [result("new")]


@pytest.mark.parametrize("ttl", [0, -1, float("nan")])
def test_no_time_to_live_is_refused(ttl: float, path: Path) -> None:
    with pytest.raises(ValueError, match="ttl="):
        cached(duckduckgo(), path, ttl)


def test_other_options_are_another_provider(path: Path, engine: Engine) -> None:
    engine.play(FOUND)
    for recency in ("day", "week", "day"):
        cached(tavily("key", recency=recency, base_url=engine.url), path)("paris", 3)
    assert len(engine.asked) == 2


def test_another_key_or_rate_is_the_same_provider(path: Path, engine: Engine) -> None:
    engine.play(FOUND)
    cached(tavily("one", base_url=engine.url), path)("paris", 3)
    other = rate_limited(tavily("two", base_url=engine.url), per_second=9)
    cached(other, path)("paris", 3)
    assert len(engine.asked) == 1


def test_the_key_is_nowhere_in_the_file(path: Path, engine: Engine) -> None:
    engine.play(FOUND)
    cached(tavily("a-secret-key", base_url=engine.url), path)("paris", 3)
    assert b"a-secret-key" not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def module_level(query: str, max_results: int) -> list[SearchResult]:
    return [result()]


def test_a_function_is_named_by_its_place(path: Path) -> None:
    assert repr(cached(module_level, path)).endswith("test_cache.module_level")


@pytest.mark.parametrize(
    "provider",
    [lambda query, n: [], Script(result()), partial(module_level), Script(result()).__call__],
)
def test_a_provider_without_a_lasting_name_needs_one(
    provider: partial[list[SearchResult]], path: Path
) -> None:
    with pytest.raises(ValueError, match=r"pass cached\(…, name=…\)"):
        cached(provider, path)


def test_making_a_cache_touches_no_file(path: Path) -> None:
    cached(duckduckgo(), path)
    assert not path.exists()


def test_the_folder_is_made_when_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "search.sqlite"
    cached(Script(result()), path, name="test")("paris", 3)
    assert path.exists()


def test_equal_searches_of_threads_are_made_once(path: Path, engine: Engine) -> None:
    engine.play(FOUND)
    engine.gate.clear()
    search = cached(tavily("key", base_url=engine.url), path)
    with ThreadPoolExecutor(32) as threads:
        searches = [threads.submit(search, "paris", 3) for _ in range(32)]
        engine.gate.set()
        found = [each.result() for each in searches]
    assert len(engine.asked) == 1
    assert found == [found[0]] * 32


async def test_equal_searches_of_tasks_are_made_once(path: Path, engine: Engine) -> None:
    engine.play(FOUND)
    engine.gate.clear()
    tool = make_search_tool(cached(tavily("key", base_url=engine.url), path))
    tasks = [asyncio.create_task(tool.ainvoke({"query": "paris"})) for _ in range(32)]
    await asyncio.to_thread(engine.begun.wait, 20)
    engine.gate.set()
    texts = await asyncio.gather(*tasks)
    assert len(engine.asked) == 1
    assert set(texts) == {texts[0]}


async def test_a_cancelled_search_is_still_one_for_the_others(path: Path, engine: Engine) -> None:
    engine.play(FOUND)
    engine.gate.clear()
    tool = make_search_tool(cached(tavily("key", base_url=engine.url), path))
    first = asyncio.create_task(tool.ainvoke({"query": "paris"}))
    await asyncio.to_thread(engine.begun.wait, 20)
    first.cancel()
    second = asyncio.create_task(tool.ainvoke({"query": "paris"}))
    engine.gate.set()
    assert "Paris" in await second
    assert len(engine.asked) == 1


def test_a_failure_in_flight_is_shared_and_not_kept(path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()
    asked = []

    def fails_once(query: str, max_results: int) -> list[SearchResult]:
        asked.append(query)
        if len(asked) > 1:
            return [result()]
        begun.set()
        assert go_on.wait(20)
        raise SearchError("down")

    search = cached(fails_once, path, name="test")
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(search, "paris", 3)
        assert begun.wait(20)
        second = threads.submit(search, "paris", 3)
        time.sleep(0.5)  # Nothing shows from outside that the second one waits for the first.
        go_on.set()
        assert isinstance(first.exception(), SearchError)
        assert isinstance(second.exception(), SearchError)
    assert search("paris", 3) == [result()]
    assert len(asked) == 2


def test_a_result_that_one_reader_changes_is_whole_for_the_next(path: Path) -> None:
    search = cached(Script(result()), path, name="test")
    search("paris", 3)[0]["title"] = "changed"
    assert search("paris", 3) == [result()]


PROCESS = """
import sys
from training_free_grpo.tools.web_search import cached, tavily

search = cached(tavily("key", base_url=sys.argv[1]), sys.argv[2])
for number in range(40):
    assert search(f"query {number}", 3)[0]["title"] == "Paris"
"""


def test_processes_share_a_file(path: Path, engine: Engine) -> None:
    engine.play(FOUND)
    command = [sys.executable, "-W", "error", "-c", PROCESS, engine.url, str(path)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[1] for process in running] == ["", ""]
    asked = len(engine.asked)
    assert 40 <= asked <= 80
    subprocess.run(command, check=True)
    assert len(engine.asked) == asked


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [entry.getMessage() for entry in caplog.records if entry.levelno == logging.WARNING]


def spoil(path: Path, how: str) -> None:
    if how == "a folder":
        path.mkdir()
    elif how == "no database":
        path.write_bytes(b"This is not a database. " * 100)
    elif how == "cut short":
        cached(Script(result()), path, name="test")("rome", 3)
        path.write_bytes(path.read_bytes()[:5000])
    elif how == "another's":
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE answers (something TEXT)")


@pytest.mark.parametrize("how", ["a folder", "no database", "cut short", "another's"])
def test_a_search_is_not_lost_with_its_cache(
    how: str, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(path, how)
    search = cached(Script(result()), path, name="test")
    assert search("paris", 3) == search("paris", 3) == [result()]
    [warning] = warnings_of(caplog)
    assert warning.startswith(f"Searches continue without their cache {path}: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anything")
def test_a_file_that_may_only_be_read_is_read(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cached(Script(result("kept")), path, name="test")("paris", 3)
    path.chmod(0o444)
    search = cached(Script(result("new")), path, name="test")
    assert search("paris", 3) == [result("kept")]
    assert search("rome", 3) == [result("new")]
    assert len(warnings_of(caplog)) == 1


def test_brave_and_tavily_do_not_share_answers(path: Path, engine: Engine) -> None:
    engine.play(Reply({"results": [], "web": {"results": []}}))
    for provider in (brave, tavily):
        cached(provider("key", base_url=engine.url), path)("paris", 3)
    assert len(engine.asked) == 2
