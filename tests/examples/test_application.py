"""The examples of docs/application.md, as a reader runs them: real servers on loopback."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from tests.postgres import find_binaries, free_port, postgres_server
from tests.standin import StandIn

EXAMPLES = Path(__file__).parents[2] / "examples"
PROBLEMS = [{"problem": f"Puzzle number {n}: how many?", "answer": str(n)} for n in range(12)]
ANN, BOB = {"X-Tenant": "ann"}, {"X-Tenant": "bob"}


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def serving(
    command: Sequence[str], port: int, path: str, folder: Path, **environment: str
) -> Iterator[httpx.Client]:
    """Serve an example until the end of the block, which it survives."""
    log = folder / f"{port}.log"
    with log.open("w") as said:
        server = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=EXAMPLES,
            env={**os.environ, **environment},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            deadline = time.monotonic() + 120
            while server.poll() is None and time.monotonic() < deadline:
                try:
                    client.get(path)
                    break
                except httpx.TransportError:
                    time.sleep(0.2)
            else:
                pytest.fail(f"it did not come up:\n{log.read_text()[-3000:]}")
            yield client
    finally:
        with_group(server, signal.SIGTERM)
        try:
            server.wait(30)
        finally:
            with_group(server, signal.SIGKILL)


def with_group(server: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(server.pid, number)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield str(tmp_path / "runs.sqlite")
        return
    if find_binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres_server() as address:
        yield address


@pytest.fixture
def model() -> Iterator[StandIn]:
    with StandIn({row["problem"]: row["answer"] for row in PROBLEMS}, latency=0.1) as server:
        yield server


@contextmanager
def service(database: str, model: StandIn, folder: Path) -> Iterator[httpx.Client]:
    port = free_port()
    command = ["uvicorn", "service:app", "--port", str(port), "--log-level", "warning"]
    allowed = {"TFGRPO_ALLOW_MODELS": "openai:stand-in", "TFGRPO_ALLOW_ADDRESSES": model.url}
    environment = {"DATABASE": database, "OPENAI_API_KEY": "none", **allowed}
    with serving(command, port, "/docs", folder, **environment) as client:
        yield client


def events(client: httpx.Client, run: str) -> Iterator[dict[str, Any]]:
    with client.stream("GET", f"/runs/{run}/events", headers=ANN) as response:
        for line in response.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def test_a_service_streams_cancels_and_resumes_runs_of_its_tenants(
    database: str, model: StandIn, tmp_path: Path
) -> None:
    settings = {"model": "openai:stand-in", "base_url": model.url, "concurrency": 2}
    body = {"problems": PROBLEMS, "settings": settings}
    with service(database, model, tmp_path) as client:
        assert client.post("/runs/one", json=body, headers=ANN).status_code == 202
        stream = events(client, "one")
        assert next(event for event in stream if event["event"] == "step")["step"] == 1
        assert client.delete("/runs/one", headers=ANN).json() == {"cancelled": True}
        assert list(stream)[-1] == {"event": "cancelled"}
        asked = len(model.calls)
        shown = client.get("/runs/one", headers=ANN).json()
        assert (shown["finished"], len(model.calls)) == (False, asked)
        assert client.get("/runs/one", headers=BOB).status_code == 404
    with service(database, model, tmp_path) as client:  # the server was restarted meanwhile
        assert client.post("/runs/one/resume", json=settings, headers=ANN).status_code == 202
        assert list(events(client, "one"))[-1] == {"event": "finished"}
        shown = client.get("/runs/one", headers=ANN).json()
        assert (shown["finished"], shown["step"]) == (True, 6)
        assert client.post("/runs/one/resume", json=settings, headers=ANN).status_code == 409
        body["settings"] = {"model": "openai:gpt-5-mini"}
        client.post("/runs/two", json=body, headers=ANN)
        failed = list(events(client, "two"))[-1]
        assert "TFGRPO_ALLOW_MODELS" in failed["reason"]


@pytest.mark.parametrize("preload", [[], ["--preload"]], ids=["forked first", "preloaded"])
def test_gunicorn_serves_what_was_made_at_import(preload: list[str], tmp_path: Path) -> None:
    port = free_port()
    command = ["gunicorn", "--workers", "2", "--bind", f"127.0.0.1:{port}", "--timeout", "120"]
    with serving([*command, *preload, "workers:app"], port, "/python", tmp_path) as client:
        assert client.get("/python").json() == {"said": "42"}
        found = client.get("/").json()
        assert found["mean"] == found["baseline"]


def test_a_graph_of_ones_own_trains_in_one_of_its_nodes() -> None:
    parent = load("parent")
    found = parent.build_graph().invoke({}, context=parent.Tenant("ann", "paid"))
    assert (found["step"], found["summary"]) == ("collected", "1 lessons, 20 rollouts")


class Supervisor(GenericFakeChatModel):
    """A model that follows a script."""

    def bind_tools(self, tools: Any, **options: Any) -> Any:
        return self


async def test_a_supervisor_measures_and_learns() -> None:
    calls = [("measure", {}), ("learn", {"problems": 10}), ("measure", {})]
    script = [
        AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": str(n)}])
        for n, (name, arguments) in enumerate(calls)
    ]
    model = Supervisor(messages=iter([*script, AIMessage("It has learned.")]))
    supervisor = load("supervisor").build_supervisor(model)
    talk = await supervisor.ainvoke({"messages": [{"role": "user", "content": "Improve."}]})
    said = [message.text for message in talk["messages"] if message.type == "tool"]
    assert said[0].startswith("mean reward")
    assert said[1].endswith("lessons in the library")
    assert said[2] >= said[0]
