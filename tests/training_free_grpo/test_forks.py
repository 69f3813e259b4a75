"""A process that has trained, evaluated and used tools forks: its children do all of that, too."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.standin import StandIn

PROBLEMS = [{"problem": f"Puzzle number {n}: how many?", "answer": str(n)} for n in range(2)]
SCRIPT = """
import asyncio, json, multiprocessing, os, sys, warnings
from concurrent.futures import ProcessPoolExecutor

from training_free_grpo import Settings, build_training_graph, evaluate
from training_free_grpo.graders import grade_math
from training_free_grpo.tools.python_sandbox import make_python_tool
from training_free_grpo.tools.web_page import make_page_tool
from training_free_grpo.tools.web_search import SearchResult, make_search_tool

warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
problems, url = json.loads(sys.argv[1]), sys.argv[2]
settings = Settings(
    model="openai:stand-in", base_url=url, epochs=1, group_size=2, tools="python", max_retries=0
)
graph = build_training_graph()
python, pages = make_python_tool(), make_page_tool()
search = make_search_tool(lambda query, most: [SearchResult(title=query, url="", snippet="")])


def rollouts(result):
    return str(result["metrics"][0]["rollouts"])


def work(how):
    if how == "invoke":
        return rollouts(graph.invoke({"problems": problems}, context=settings))
    if how == "ainvoke":
        return rollouts(asyncio.run(graph.ainvoke({"problems": problems}, context=settings)))
    if how == "evaluate":
        return str(evaluate(problems, settings=settings)["problems"])
    if how == "grade":
        return grade_math(f"\\\\boxed{{x+{os.getpid()}}}", f"{os.getpid()}+x")["verdict"]
    if how == "python":
        return python.invoke({"code": "print(6 * 7)"}).strip()
    if how == "page":
        return str("port 1 is refused" in pages.invoke({"url": "http://127.0.0.1:1/"}))
    return str("tides" in asyncio.run(search.ainvoke({"query": "tides"})))


WAYS = ("invoke", "ainvoke", "evaluate", "grade", "python", "page", "search")
here = {way: work(way) for way in WAYS}
for way in WAYS:
    if not os.fork():
        print(json.dumps([way, work(way)]), flush=True)
        os._exit(0)
    os.wait()
with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
    print(json.dumps(["process pool", pool.submit(work, "invoke").result()]), flush=True)
assert {way: work(way) for way in WAYS} == here  # nothing of the parent's was taken away
"""


@pytest.fixture(scope="module")
def said() -> Iterator[dict[str, str]]:
    with StandIn({row["problem"]: row["answer"] for row in PROBLEMS}, tool_share=1.0) as server:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps(PROBLEMS), server.url],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        yield dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("way", "found"),
    [
        ("invoke", "4"),
        ("ainvoke", "4"),
        ("evaluate", "2"),
        ("process pool", "4"),
        ("grade", "right"),
        ("python", "42"),
        ("page", "True"),
        ("search", "True"),
    ],
)
def test_a_forked_child_works(said: dict[str, str], way: str, found: str) -> None:
    assert said[way] == found
