"""Runs that keep their checkpoints and answers in PostgreSQL, on a real server."""

import asyncio
import json
import signal
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack
from operator import add
from pathlib import Path
from typing import Annotated, Any

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.graph import END, START, StateGraph
from typer.testing import CliRunner
from typing_extensions import TypedDict

from tests.job import WIDTH, Job, new_server, seen
from tests.postgres import PASSWORD, find_binaries, postgres_server
from training_free_grpo.cli import main
from training_free_grpo.storage.postgres import DatabaseError, describe_database, open_postgres

SMALL = ("--limit", "4")

pytestmark = pytest.mark.skipif(find_binaries() is None, reason="PostgreSQL is not installed")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with postgres_server() as address:
        yield address


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A run in files that nothing stopped."""
    with new_server() as server:
        job = Job(tmp_path_factory.mktemp("whole"), server, options=SMALL)
        assert job.here().exit_code == 0
    return job


@pytest.fixture(scope="module")
def killed(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """A run in the database that was killed in its summaries, and came to its end."""
    with new_server(latency=0.1) as server:
        options = (*SMALL, "--database", address)
        job = Job(tmp_path_factory.mktemp("killed"), server, options=options)
        job.kill(seen(server, "summarize", 2, 1))
        server.latency = 0.0
        result = job.here()
        assert result.exit_code == 0, result.stderr
        assert PASSWORD not in result.output
        yield job


def test_a_killed_run_in_a_database_gives_the_same_result_and_repays_only_calls_in_flight(
    whole: Job, killed: Job
) -> None:
    assert killed.library == whole.library
    assert len(killed.server.calls) <= len(whole.server.calls) + 2 * WIDTH


def test_a_finished_run_in_a_database_costs_nothing_when_it_is_started_again(killed: Job) -> None:
    before = len(killed.server.calls)
    assert killed.here().exit_code == 0
    assert len(killed.server.calls) == before


def test_the_folder_of_a_run_in_a_database_holds_neither_databases_nor_the_password(
    killed: Job,
) -> None:
    assert not list(killed.path.glob("*.sqlite"))
    for file in filter(Path.is_file, killed.path.rglob("*")):
        assert PASSWORD not in file.read_text("utf-8")
    assert killed.read("manifest.json")["database"].startswith("127.0.0.1:")


def test_a_run_in_a_database_is_replayed_and_forked(killed: Job, address: str) -> None:
    runs = ["--runs-dir", str(killed.path.parent), "--database", address]
    result = CliRunner().invoke(main, ["replay", "run", *runs])
    assert result.exit_code == 0, result.output
    before = len(killed.server.calls)
    result = CliRunner().invoke(main, ["replay", "run", *runs, "--from-step", "2", "--to", "new"])
    assert result.exit_code == 0, result.output
    assert len(killed.server.calls) == before


def test_a_replay_asks_for_the_database_that_it_needs(killed: Job) -> None:
    command = ["replay", "run", "--runs-dir", str(killed.path.parent)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert "--database" in result.stderr


def test_runs_of_one_name_in_one_database_do_not_share_their_answers(
    killed: Job, whole: Job, tmp_path: Path
) -> None:
    with new_server() as server:
        other = Job(tmp_path, server, options=killed.options)
        assert other.here().exit_code == 0
        assert server.count() == whole.server.count()


def test_a_run_does_not_move_from_a_database_to_files(killed: Job) -> None:
    moved = Job(killed.folder, killed.server, options=SMALL)
    result = moved.here()
    assert result.exit_code == 2
    assert "database" in result.stderr
    assert PASSWORD not in result.stderr


def test_a_run_that_is_at_work_on_another_machine_is_refused(killed: Job, address: str) -> None:
    with open_postgres(address, killed.read("manifest.json")["schema"]):
        result = killed.here()
    assert result.exit_code == 2
    assert "another process is working" in result.stderr


def test_ctrl_c_stops_a_run_in_a_database(whole: Job, address: str, tmp_path: Path) -> None:
    with new_server(latency=0.2) as server:
        job = Job(tmp_path, server, options=(*SMALL, "--database", address))
        with job.start() as process:
            server.wait_for(seen(server, "rollout", 6, 0))
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=240)
        assert process.returncode == 130, said
        server.latency = 0.0
        assert job.here().exit_code == 0
        assert server.count() == whole.server.count()


def test_a_database_that_goes_away_ends_the_run_with_one_message(tmp_path: Path) -> None:
    with new_server(latency=0.2) as server, ExitStack() as until_it_ends:
        with postgres_server() as gone:
            job = Job(tmp_path, server, options=(*SMALL, "--database", gone))
            process = until_it_ends.enter_context(job.start())
            server.wait_for(seen(server, "rollout", 6, 0))
        _, said = process.communicate(timeout=240)
    assert process.returncode == 1, said
    assert "the database failed" in said
    assert "Traceback" not in said
    assert PASSWORD not in said


@pytest.mark.parametrize(
    "wrong",
    [
        f"mysql://learner:{PASSWORD}@localhost/runs",
        f"host=localhost password={PASSWORD}",
        f"postgresql://learner:{PASSWORD}@localhost/runs?no_such=option",
        f"postgresql://learner:{PASSWORD}@127.0.0.1:1/runs",
        "runs.sqlite",
    ],
)
def test_an_invalid_address_is_refused_without_showing_the_password(
    killed: Job, tmp_path: Path, wrong: str
) -> None:
    result = Job(tmp_path, killed.server).here("--database", wrong)
    assert result.exit_code == 2
    assert "database" in result.stderr or "127.0.0.1:1" in result.stderr
    assert PASSWORD not in result.output


def test_a_database_is_described_by_its_location_alone() -> None:
    assert describe_database(f"postgresql://me:{PASSWORD}@db.example:6543/runs") == (
        "db.example:6543/runs"
    )


class State(TypedDict):
    seen: Annotated[list[int], add]


def test_the_saver_serves_invoke_and_ainvoke(address: str) -> None:
    config: Any = {"configurable": {"thread_id": "one"}}
    graph = StateGraph(State)
    graph.add_node("work", lambda state: {"seen": [len(state["seen"])]})
    graph.add_edge(START, "work")
    graph.add_edge("work", END)
    with open_postgres(address, "tfgrpo_both") as (saver, _):
        both = graph.compile(checkpointer=saver)
        assert both.invoke({"seen": []}, config, durability="sync") == {"seen": [0]}
        found = asyncio.run(both.ainvoke({"seen": [7]}, config, durability="sync"))
        assert found == {"seen": [0, 7, 2]}


async def test_the_saver_keeps_to_langgraphs_rules(address: str) -> None:
    @checkpointer_test(name="DualPostgresSaver")
    async def saver() -> AsyncGenerator[Any, None]:
        with open_postgres(address, "tfgrpo_rules") as (dual, _):
            yield dual

    report = await validate(saver)
    assert report.passed_all_base(), json.dumps(report.to_dict(), default=str)


def test_an_unknown_user_gets_an_explanation(address: str) -> None:
    stranger = address.replace("learner", "stranger")
    with pytest.raises(DatabaseError, match="cannot reach") as caught, open_postgres(stranger, "x"):
        pass
    assert PASSWORD not in str(caught.value)
