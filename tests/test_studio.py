"""The graphs as `langgraph dev` serves them to Studio: a real server, driven by its client."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from training_free_grpo.settings import Settings
from training_free_grpo.simulated import training_problems

CONFIG = Path(__file__).parents[1] / "langgraph.json"
PROBLEMS = training_problems()[6:10]
CHANGED = {"epochs": 1, "batch_size": 2, "group_size": 4}
PATIENCE = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SyncLangGraphClient]:
    """A server in a folder of its own, which takes what the server writes; dead at the end."""
    folder, port = tmp_path_factory.mktemp("studio"), free_port()
    (folder / "langgraph.json").write_text(CONFIG.read_text())
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_API_KEY")}
    options = ["--no-browser", "--no-reload", "--port", str(port), "--n-jobs-per-worker", "10"]
    with (folder / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [Path(sys.executable).with_name("langgraph"), "dev", *options],
            cwd=folder,
            env=environment | {"LANGSMITH_TRACING": "false"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_up(url, server, folder / "log.txt")
        with get_sync_client(url=url, api_key=None) as found:
            yield found
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_until_up(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for the server; fail with its log if it ends or does not come up."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            if httpx.get(f"{url}/ok").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"langgraph dev did not come up:\n{log.read_text()[-3000:]}")


@dataclass
class Run:
    """A finished run: its events and the thread that it was made on."""

    events: list[Any]
    thread: str

    def of(self, kind: str) -> list[Any]:
        return [event.data for event in self.events if event.event == kind]

    def error(self) -> str:
        return json.dumps(self.of("error"))


def run(client: SyncLangGraphClient, assistant: str, given: Any, **options: Any) -> Run:
    """Run an assistant on a thread of its own, and listen."""
    thread = client.threads.create()["thread_id"]
    modes: Any = ["values", "updates"]
    stream = client.runs.stream(thread, assistant, input=given, stream_mode=modes, **options)
    return Run(list(stream), thread)


@pytest.fixture(scope="module")
def trained(client: SyncLangGraphClient) -> Run:
    """Four problems, learned from by an assistant with settings of its own."""
    assistant = client.assistants.create("training", context=CHANGED, name="small steps")
    return run(client, assistant["assistant_id"], {"problems": PROBLEMS})


def test_graphs_are_there_to_choose_from(client: SyncLangGraphClient) -> None:
    found = {assistant["graph_id"] for assistant in client.assistants.search()}
    assert found == {"training", "evaluation", "agent"}


@pytest.mark.parametrize("graph", ["training", "evaluation", "agent"])
def test_form_shows_every_setting_with_its_description(
    client: SyncLangGraphClient, graph: str
) -> None:
    form = schema(client, graph)["properties"]
    assert form.keys() == Settings.model_fields.keys()
    assert all(field["description"] for field in form.values())


@pytest.mark.parametrize("graph", ["training", "evaluation", "agent"])
def test_form_shows_bounds_and_defaults(client: SyncLangGraphClient, graph: str) -> None:
    field = schema(client, graph)["properties"]["group_size"]
    assert (field["minimum"], field["maximum"], field["default"]) == (1, 256, 5)


def schema(client: SyncLangGraphClient, graph: str) -> Any:
    (found,) = client.assistants.search(graph_id=graph, metadata={"created_by": "system"})
    return client.assistants.get_schemas(found["assistant_id"])["context_schema"]


def test_input_form_asks_for_problems(client: SyncLangGraphClient) -> None:
    (found,) = client.assistants.search(graph_id="training", metadata={"created_by": "system"})
    schemas = client.assistants.get_schemas(found["assistant_id"])
    assert "problems" in (schemas["input_schema"] or {})["properties"]


def test_drawing_shows_the_rollouts_of_a_group(client: SyncLangGraphClient) -> None:
    (found,) = client.assistants.search(graph_id="training", metadata={"created_by": "system"})
    drawn = client.assistants.get_graph(found["assistant_id"], xray=True)
    assert any("rollout" in str(node["id"]) for node in drawn["nodes"])


def test_assistant_runs_with_the_settings_that_were_changed(trained: Run) -> None:
    assert trained.of("values")[-1]["settings"] == CHANGED
    assert trained.of("values")[-1]["step"] == 2


def test_updates_name_each_step_of_the_run(trained: Run) -> None:
    names = [name for update in trained.of("updates") for name in update]
    assert names.count("group") == 4
    assert names.count("edit_experiences") == 2


def test_no_rollout_is_lost_on_the_server(trained: Run) -> None:
    assert [step["missing"] for step in trained.of("values")[-1]["metrics"]] == [{}, {}]


def test_history_shows_the_library_growing(client: SyncLangGraphClient, trained: Run) -> None:
    sizes: dict[int, int] = {}
    for state in reversed(client.threads.get_history(trained.thread, limit=50)):
        values: Any = state["values"]
        if "step" in values:
            sizes[values["step"]] = len(values["library"]["experiences"])
    assert sizes[0] == 0 < sizes[2]


def test_state_of_the_thread_holds_the_library(client: SyncLangGraphClient, trained: Run) -> None:
    values: Any = client.threads.get_state(trained.thread)["values"]
    assert values["library"] == trained.of("values")[-1]["library"]


def test_setting_out_of_bounds_fails_the_run_by_name(client: SyncLangGraphClient) -> None:
    found = run(client, "training", {"problems": PROBLEMS}, context={"group_size": 0})
    assert "group_size" in found.error()
    assert "greater than or equal to 1" in found.error()


def test_bad_row_fails_the_run_by_its_number(client: SyncLangGraphClient) -> None:
    found = run(client, "training", {"problems": [PROBLEMS[0], {"nope": 1}]})
    assert "row 2" in found.error()


def test_agent_answers_a_problem(client: SyncLangGraphClient) -> None:
    problem = training_problems()[0]["problem"]
    found = run(client, "agent", {"messages": [{"role": "user", "content": problem}]})
    assert "boxed" in found.of("values")[-1]["messages"][-1]["content"]


def test_evaluation_reports_a_mean(client: SyncLangGraphClient) -> None:
    found = run(client, "evaluation", {"problems": PROBLEMS})
    assert found.of("values")[-1]["evaluation"]["mean"] is not None
