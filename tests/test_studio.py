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
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from training_free_grpo.library import read_library
from training_free_grpo.settings import Settings
from training_free_grpo.simulated import training_problems

CONFIG = Path(__file__).parents[1] / "langgraph.json"
PROBLEMS = training_problems()[6:10]
CHANGED = {"epochs": 1, "batch_size": 2, "group_size": 4}
PATIENCE = 60
GONE = "http://127.0.0.1:9/v1"
"""Where nobody listens."""


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
    allowed = {
        "TFGRPO_ALLOW_MODELS": "simulated,openai:gone",
        "TFGRPO_ALLOW_ADDRESSES": GONE,
        "TFGRPO_ALLOW_PATHS": str(tmp_path_factory.getbasetemp()),
    }
    options = ["--no-browser", "--no-reload", "--port", str(port), "--n-jobs-per-worker", "10"]
    with (folder / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [Path(sys.executable).with_name("langgraph"), "dev", *options],
            cwd=folder,
            env=environment | {"LANGSMITH_TRACING": "false"} | allowed,
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

    def inside(self, kind: str) -> list[Any]:
        """Return the events of the groups in a training run."""
        return [event.data for event in self.events if event.event.startswith(f"{kind}|group:")]

    def error(self) -> str:
        return json.dumps(self.of("error"))


def run(client: SyncLangGraphClient, assistant: str, given: Any, **options: Any) -> Run:
    """Run an assistant on a thread of its own, and listen."""
    thread = client.threads.create()["thread_id"]
    return go_on(client, assistant, thread, input=given, **options)


def go_on(client: SyncLangGraphClient, assistant: str, thread: str, **options: Any) -> Run:
    """Run an assistant on a thread, and listen."""
    modes: Any = ["values", "updates", "custom", "messages"]
    stream = client.runs.stream(
        thread, assistant, stream_mode=modes, stream_subgraphs=True, **options
    )
    return Run(list(stream), thread)


@pytest.fixture(scope="module")
def trained(client: SyncLangGraphClient) -> Run:
    """Four problems, learned from by an assistant with settings of its own."""
    assistant = client.assistants.create("training", context=CHANGED, name="small steps")
    return run(client, assistant["assistant_id"], {"problems": PROBLEMS})


def test_graphs_are_there_to_choose_from(client: SyncLangGraphClient) -> None:
    found = {assistant["graph_id"] for assistant in client.assistants.search()}
    assert found == {"training", "evaluation", "agent"}


def test_each_graph_says_what_it_is_for(client: SyncLangGraphClient) -> None:
    assert all(assistant["description"] for assistant in client.assistants.search())


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


def test_drawing_shows_the_agent_in_the_group_in_the_training(client: SyncLangGraphClient) -> None:
    (found,) = client.assistants.search(graph_id="training", metadata={"created_by": "system"})
    drawn = client.assistants.get_graph(found["assistant_id"], xray=True)
    nodes = {node["id"] for node in drawn["nodes"]}
    assert {"draw_batch", "plan_edits", "review_edits", "edit_experiences"} < nodes
    assert {"group:grade", "group:summarize", "group:extract_advantage"} < nodes
    assert {"group:rollout:call_model", "group:rollout:tools"} < nodes


def test_assistant_runs_with_the_settings_that_were_changed(
    client: SyncLangGraphClient, trained: Run
) -> None:
    assert state_of(client, trained)["settings"] == CHANGED
    assert state_of(client, trained)["step"] == 2


def state_of(client: SyncLangGraphClient, run: Run) -> Any:
    return client.threads.get_state(run.thread)["values"]


def test_the_output_of_a_run_is_what_it_learned_and_what_it_took(trained: Run) -> None:
    assert trained.of("values")[-1].keys() == {"library", "metrics", "usage"}


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
        if "library" in values:
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


def test_rollouts_and_rewards_are_told_as_they_come(trained: Run) -> None:
    rollouts = [event for event in trained.inside("custom") if event["event"] == "rollout"]
    grades = [event for event in trained.inside("custom") if event["event"] == "grade"]
    assert len({event["id"] for event in rollouts}) == 16
    assert sorted(event["problem"] for event in grades) == sorted(p["id"] for p in PROBLEMS)
    assert all(len(event["rewards"]) == 4 for event in grades)
    steps = [event["step"] for event in trained.of("custom") if event["event"] == "step"]
    assert steps == [1, 2]


def test_agent_reads_the_library_that_it_is_given(client: SyncLangGraphClient) -> None:
    problem = next(p for p in training_problems() if "bell" in p["problem"])
    lesson = "Common cycle: for common-cycle problems, take the least common multiple."
    talk = {"messages": [{"role": "user", "content": problem["problem"]}]}
    found = run(client, "agent", {**talk, "library": {"G7": lesson}})
    assert "[G7]" in found.of("values")[-1]["messages"][-1]["content"]


def test_agent_asks_for_messages_and_a_library(client: SyncLangGraphClient) -> None:
    (found,) = client.assistants.search(graph_id="agent", metadata={"created_by": "system"})
    schema = client.assistants.get_schemas(found["assistant_id"])["input_schema"] or {}
    assert schema["properties"].keys() == {"messages", "library"}


def test_agent_searches_documents_of_the_users_own(
    client: SyncLangGraphClient, tmp_path: Path
) -> None:
    (tmp_path / "notes.md").write_text("The Salt Exchange of Orlanda was completed in 1888.")
    lesson = "Local history: for local-history problems, search for the full name with web_search."
    question = {"role": "user", "content": training_problems()[12]["problem"]}
    given = {"messages": [question], "library": {"G0": lesson}}
    found = run(client, "agent", given, context={"search": f"corpus:{tmp_path}"})
    assert "1888" in found.of("values")[-1]["messages"][-1]["content"]


def test_training_on_documents_that_are_not_there_fails_by_name(
    client: SyncLangGraphClient, tmp_path: Path
) -> None:
    context = {"search": f"corpus:{tmp_path / 'nowhere'}"}
    found = run(client, "training", {"problems": PROBLEMS}, context=context)
    assert "setting 'search' is 'corpus:" in found.error()


def test_endpoint_that_is_not_there_is_named(client: SyncLangGraphClient) -> None:
    dead = {"model": "openai:gone", "base_url": GONE}
    found = run(client, "training", {"problems": PROBLEMS}, context={**dead, "max_retries": 0})
    assert "openai:gone" in found.error()


def test_events_are_streamed_from_training(client: SyncLangGraphClient) -> None:
    thread = client.threads.create()["thread_id"]
    given: Any = {"problems": PROBLEMS[:2]}
    stream = client.runs.stream(
        thread, "training", input=given, context=CHANGED, stream_mode=["events"]
    )
    assert not [event.data for event in stream if event.event == "error"]
    assert client.threads.get_state(thread)["values"]["metrics"][0]["rollouts"] == 8  # type: ignore[call-overload]


def test_messages_of_the_agent_are_streamed(client: SyncLangGraphClient) -> None:
    problem = training_problems()[0]["problem"]
    found = run(client, "agent", {"messages": [{"role": "user", "content": problem}]})
    streamed = [message for messages in found.of("messages/complete") for message in messages]
    assert any("boxed" in message["content"] for message in streamed)


def test_state_begins_with_the_library_and_the_figures(
    client: SyncLangGraphClient, trained: Run
) -> None:
    assert list(state_of(client, trained))[:3] == ["library", "metrics", "step"]


def test_transcripts_are_in_the_store_of_the_server(
    client: SyncLangGraphClient, trained: Run
) -> None:
    assert state_of(client, trained)["lessons"].keys() == {"stored"}
    found = client.store.search_items(("training_free_grpo", "transcripts"), limit=50)["items"]
    assert any("boxed" in item["value"]["value"][-1]["content"] for item in found)


def test_state_weighs_little_more_than_its_problems(
    client: SyncLangGraphClient, trained: Run
) -> None:
    values: Any = client.threads.get_state(trained.thread)["values"]
    rest = {key: value for key, value in values.items() if key not in ("problems", "library")}
    assert len(json.dumps(rest)) < 2000 * len(values["metrics"])


@pytest.fixture(scope="module")
def reviewer(client: SyncLangGraphClient) -> str:
    """An assistant that asks before it changes the library."""
    context: Any = {**CHANGED, "review": "each_step"}
    found: str = client.assistants.create("training", context=context)["assistant_id"]
    return found


def waiting(client: SyncLangGraphClient, thread: str) -> Any:
    """Return what a thread waits with."""
    (task,) = client.threads.get_state(thread)["tasks"]
    (interrupt,) = task["interrupts"]
    return interrupt["value"]


def test_a_run_waits_for_a_person_and_goes_on_with_the_decisions(
    client: SyncLangGraphClient, reviewer: str
) -> None:
    begun = run(client, reviewer, {"problems": PROBLEMS})
    request, waits = waiting(client, begun.thread), 0
    turned_down = request["operations"][0]["content"]
    assert client.threads.get(begun.thread)["status"] == "interrupted"
    answer: Any = {"decisions": [{"operation": 0, "decision": "reject"}], "all": "approve"}
    while client.threads.get_state(begun.thread)["next"]:
        done = go_on(client, reviewer, begun.thread, command={"resume": answer})
        waits += 1
    lessons = done.of("values")[-1]["library"]["experiences"].values()
    assert waits
    assert turned_down not in [lesson["content"] for lesson in lessons]


def test_a_word_is_enough_to_approve_a_plan(client: SyncLangGraphClient, reviewer: str) -> None:
    begun = run(client, reviewer, {"problems": PROBLEMS})
    while client.threads.get_state(begun.thread)["next"]:
        done = go_on(client, reviewer, begun.thread, command={"resume": "approve"})
    assert done.of("values")[-1]["library"]["experiences"]


def test_a_new_input_on_a_thread_that_waits_is_a_run_of_its_own(
    client: SyncLangGraphClient, reviewer: str
) -> None:
    begun = run(client, reviewer, {"problems": PROBLEMS})
    again = go_on(client, "training", begun.thread, input={"problems": PROBLEMS}, context=CHANGED)
    assert [step["step"] for step in again.of("values")[-1]["metrics"]] == [1, 2]


def test_a_wrong_answer_is_asked_for_again_with_the_reason(
    client: SyncLangGraphClient, reviewer: str
) -> None:
    begun = run(client, reviewer, {"problems": PROBLEMS})
    go_on(client, reviewer, begun.thread, command={"resume": {"all": "perhaps"}})
    assert "'perhaps'" in waiting(client, begun.thread)["fault"]
    assert client.threads.get_state(begun.thread)["next"] == ["review_edits"]


def test_a_run_goes_on_from_an_earlier_step_with_another_library(
    client: SyncLangGraphClient,
) -> None:
    thread = run(client, "training", {"problems": PROBLEMS}, context=CHANGED).thread
    history = client.threads.get_history(thread, limit=50)
    after_one = next(s for s in history if s["next"] == ["draw_batch"] and s["values"]["step"] == 1)  # type: ignore[call-overload]
    own = read_library({"G7": "Mine: halve n times n minus one."})
    changed = client.threads.update_state(
        thread, {"library": own}, checkpoint=after_one["checkpoint"]
    )
    again = go_on(client, "training", thread, checkpoint=changed["checkpoint"])
    state = again.of("values")[-1]
    assert [step["step"] for step in state["metrics"]] == [1, 2]
    assert state["library"]["experiences"]["G7"] == own["experiences"]["G7"]
    assert state["library"]["next_id"] >= 8


def test_remote_graph_serves_training_as_it_serves_any_other(
    client: SyncLangGraphClient,
) -> None:
    remote = RemoteGraph("training", sync_client=client)
    given = {"problems": PROBLEMS[:2]}
    found = remote.invoke(given, context=CHANGED)
    streamed = list(remote.stream(given, context=CHANGED, stream_mode="updates"))
    assert found["metrics"][0]["rollouts"] == 8
    assert [name for update in streamed for name in update][-1] == "edit_experiences"


@pytest.mark.parametrize(
    "context",
    [
        {"model": "openai:gpt-5-mini"},
        {"model": "openai:gone", "base_url": "http://127.0.0.1:10/v1"},
        {"search": "corpus:/etc"},
        {"model": "recorded:/etc/passwd"},
    ],
)
def test_what_the_operator_does_not_allow_fails_the_run(
    client: SyncLangGraphClient, context: Any
) -> None:
    found = run(client, "training", {"problems": PROBLEMS}, context=context)
    assert "does not allow: TFGRPO_ALLOW_" in found.error()


def test_the_example_of_a_remote_graph_trains(
    client: SyncLangGraphClient, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = spec_from_file_location("example_remote", CONFIG.parent / "examples" / "remote.py")
    assert spec
    assert spec.loader
    example = module_from_spec(spec)
    spec.loader.exec_module(example)
    assert example.train(str(client.http.client.base_url))["experiences"] is not None
    assert "step" in capsys.readouterr().out.split()
