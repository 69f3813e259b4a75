"""What traces are found by, told by a handler of one's own and by a server like LangSmith's."""

import json
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableLambda

from tests.standin import StandIn
from training_free_grpo import Settings, build_training_graph
from training_free_grpo.graders import load_grader
from training_free_grpo.models.labels import labelled, traced_as
from training_free_grpo.records import JSON
from training_free_grpo.runs.evaluation import Arm, EvaluationRun
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.training import TrainingRun

ROWS = [{"id": f"p{n}", "problem": f"{n} + {n}?", "answer": str(2 * n)} for n in range(2)]
ANSWERS = {str(row["problem"]): str(row["answer"]) for row in ROWS}
PROBLEMS: Any = [{**row, "answers": [row["answer"]]} for row in ROWS]
LABELS = ("run", "arm", "step", "problem_id", "attempt", "role")
BATCHES = {
    **{"use_multipart_endpoint": False, "size_limit": 100, "size_limit_bytes": 2**24},
    **{
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 1,
        "scale_down_nempty_trigger": 4,
    },
}
"""How LangSmith's server asks for runs: as JSON, so many at once."""


class Handler(BaseCallbackHandler):
    """Notes the name, the tags and the labels of what begins."""

    def __init__(self) -> None:
        self.models: list[tuple[str | None, list[str], JSON]] = []
        self.rollouts: list[tuple[str, JSON]] = []

    def on_chat_model_start(self, *args: Any, **about: Any) -> None:
        self.models.append((about["name"], about["tags"], labels(about["metadata"])))

    def on_chain_start(self, *args: Any, **about: Any) -> None:
        if str(about.get("name")).startswith("rollout "):
            self.rollouts.append((about["name"], labels(about["metadata"])))

    def of(self, role: str) -> list[JSON]:
        """Return the labels of the calls in a role."""
        return [labels for name, tags, labels in self.models if name == role and role in tags]


def labels(metadata: JSON) -> JSON:
    return {key: metadata[key] for key in LABELS if key in metadata}


def attempts(role: str, **more: Any) -> list[JSON]:
    """Return the labels of one call for each attempt, in order."""
    return [
        {**more, "problem_id": f"p{problem}", "attempt": attempt, "role": role}
        for problem in range(2)
        for attempt in range(2)
    ]


def in_order(found: list[JSON]) -> list[JSON]:
    return sorted(found, key=lambda label: (label.get("problem_id"), label.get("attempt")))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with StandIn(ANSWERS, right=lambda problem, n: n == 0) as server:
        yield server


def settings(server: StandIn) -> Settings:
    options: JSON = {"epochs": 1, "group_size": 2, "attempts": 2, "tools": "none"}
    return Settings(model="openai:stand-in", base_url=server.url, **options)


def train(
    server: StandIn, agent: Runnable[Any, Any] | None = None, grader: str = "math"
) -> Handler:
    """Train with a handler that is given as any of LangChain's callbacks is."""
    handler = Handler()
    graph = build_training_graph(agent, load_grader(grader))
    graph.invoke({"problems": ROWS}, {"callbacks": [handler]}, context=settings(server))
    return handler


def test_every_call_tells_its_role_its_step_and_what_it_is_about(server: StandIn) -> None:
    handler = train(server)
    assert in_order(handler.of("rollout")) == attempts("rollout", step=1)
    assert in_order(handler.of("summarize")) == attempts("summarize", step=1)
    compared = [{"step": 1, "problem_id": f"p{n}", "role": "extract_advantage"} for n in range(2)]
    assert in_order(handler.of("extract_advantage")) == compared
    assert handler.of("edit_experiences") == [{"step": 1, "role": "edit_experiences"}]


def test_call_of_the_judge_tells_the_attempt_that_is_judged(server: StandIn) -> None:
    handler = train(server, grader="judge")
    assert in_order(handler.of("judge")) == attempts("judge", step=1)


def test_rollout_goes_by_the_id_that_it_has_in_the_files(server: StandIn) -> None:
    told = sorted(train(server).rollouts)
    names = [f"rollout 1/p{problem}/{attempt}" for problem in range(2) for attempt in range(2)]
    assert told == list(zip(names, attempts("rollout", step=1), strict=True))


def test_calls_of_an_agent_of_ones_own_carry_the_labels_too(server: StandIn) -> None:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model="stand-in", base_url=server.url, use_responses_api=False)

    async def ask(given: JSON) -> AIMessage:
        return await model.ainvoke(given["messages"])

    handler = train(server, RunnableLambda(ask))
    own = [labels for name, tags, labels in handler.models if name is None and "rollout" in tags]
    assert in_order(own) == attempts("rollout", step=1)


def test_labels_end_where_they_were_set() -> None:
    with labelled(step=1), labelled(attempt=0):
        assert traced_as("judge")["metadata"] == {"step": 1, "attempt": 0, "role": "judge"}
    assert traced_as("judge")["metadata"] == {"role": "judge"}


@dataclass
class LangSmith:
    """Takes the runs that are sent to it, as LangSmith's server does."""

    requests: list[bytes] = field(default_factory=list)

    def runs(self) -> list[JSON]:
        """Return the runs that began."""
        posted = [json.loads(request).get("post", []) for request in self.requests]
        return [run for runs in posted for run in runs]


@contextmanager
def langsmith(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Iterator[LangSmith]:
    """Serve LangSmith's API here, and have the environment name the server."""
    found = LangSmith()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer({"batch_ingest_config": BATCHES})

        def do_POST(self) -> None:
            found.requests.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer({})

        def answer(self, body: JSON) -> None:
            said = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        for name, value in {"LANGSMITH_ENDPOINT": address, **environment}.items():
            monkeypatch.setenv(name, value)
        yield found
        server.shutdown()
        thread.join()


def train_apart(folder: Path, server: StandIn) -> None:
    """Train in a process of its own, as a user does: tracing is decided once in a process."""
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    start = [sys.executable, "-c", "from training_free_grpo.cli import main; main()", "train"]
    model = ["--model", "openai:stand-in", "--base-url", server.url, "--set", "tools=none"]
    sizes = ["--epochs", "1", "--group-size", "2", "--run", "traced"]
    subprocess.run([*start, str(data), *model, *sizes], cwd=folder, check=True, capture_output=True)


def test_langsmith_gets_the_labels_and_no_key(
    tmp_path: Path, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"OPENAI_API_KEY": "secret-of-the-model", "LANGSMITH_API_KEY": "secret-of-the-tracer"}
    with langsmith(monkeypatch, LANGSMITH_TRACING="true", **keys) as tracer:
        train_apart(tmp_path, server)
    calls = [run for run in tracer.runs() if run["run_type"] == "llm"]
    told = [labels(run["extra"]["metadata"]) for run in calls if run["name"] == "rollout"]
    assert in_order(told) == attempts("rollout", run="traced", step=1)
    assert {run["name"] for run in calls} == {
        *("rollout", "summarize", "extract_advantage", "edit_experiences")
    }
    assert not any(b"secret-of" in request for request in tracer.requests)


def test_nothing_is_sent_unless_the_environment_asks_for_it(
    tmp_path: Path, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with langsmith(monkeypatch, LANGSMITH_API_KEY="any") as tracer:
        train_apart(tmp_path, server)
    assert server.of("rollout")
    assert tracer.requests == []


async def heard(work: Callable[[], Awaitable[Any]]) -> Handler:
    """Do a piece of work within a call that has a handler, and return what that heard."""

    async def act(given: None) -> None:
        await work()

    handler = Handler()
    await RunnableLambda(act).ainvoke(None, {"callbacks": [handler]})
    return handler


async def test_calls_of_a_run_tell_its_name(tmp_path: Path, server: StandIn) -> None:
    run = TrainingRun(RunFolder(tmp_path / "first"), settings(server), PROBLEMS)
    handler = await heard(lambda: run.run(lambda event: None))
    assert {labels["run"] for _, _, labels in handler.models} == {"first"}


async def test_calls_of_an_evaluation_tell_its_arm(tmp_path: Path, server: StandIn) -> None:
    run = EvaluationRun(PROBLEMS, [Arm("without", settings(server))], folder=tmp_path / "test")
    handler = await heard(lambda: run.run())
    expected = attempts("rollout", run="test", arm="without", step=0)
    assert in_order(handler.of("rollout")) == expected
