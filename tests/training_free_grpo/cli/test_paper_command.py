"""`tfgrpo paper` from beginning to end, on real problems and a model that is none."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.job import Process
from tests.standin import Call, StandIn
from training_free_grpo.cli import main
from training_free_grpo.datasets import read_problems
from training_free_grpo.datasets.files import load_file
from training_free_grpo.paper.tables import TABLES
from training_free_grpo.records import JSON

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("TFGRPO_DATA") or ROOT.parent / "shared" / "data").resolve()
NEEDED = ("aime24", "aime25", "math500", "qa_dev_no_overlap", "webwalkerqa", "popqa", "gsm8k_test")
START = [sys.executable, "-c", "from training_free_grpo.cli import main; main()"]
MATH, WEB = "dapo-100=math500", f"afm-100={DATA / 'qa_dev_no_overlap.jsonl'}"
WIDTH = 4
TRAIN_ON = {
    **{table: [MATH] for table in ("table1", "table2", "table3")},
    **{table: [WEB] for table in ("table4", "table5", "deepsearch")},
    "table6": [MATH, WEB],
    "single-run": ["dapo-100=aime25"],  # as it measures on the problems of MATH-500
}

pytestmark = pytest.mark.skipif(
    not all((DATA / f"{name}.jsonl").exists() for name in NEEDED),
    reason="real data is absent from the folder that TFGRPO_DATA names",
)


@pytest.fixture(autouse=True)
def _data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFGRPO_DATA", str(DATA))


@pytest.fixture(scope="module")
def answers() -> dict[str, str]:
    """Know an answer to every problem."""
    files = [load_file(DATA / f"{name}.jsonl") for name in NEEDED]
    problems = [p for rows in files for p in read_problems(rows, needs_truth=True)[0]]
    return {problem["problem"]: problem["answers"][0] for problem in problems}


@pytest.fixture
def server(answers: dict[str, str]) -> Iterator[StandIn]:
    with StandIn(answers) as server:
        yield server


@dataclass(frozen=True)
class TableRun:
    """A table, under one command line."""

    server: StandIn
    folder: Path
    table: str = "table3"

    def command(self, *options: str, train_on: bool = True) -> list[str]:
        """Return the command line; options given here come last, and win."""
        learned = [part for name in TRAIN_ON[self.table] for part in ("--train-on", name)]
        model = ["--model", "openai:stand-in", "--base-url", self.server.url]
        sizes = ["--limit", "2", "--k", "2", "--set", f"concurrency={WIDTH}"]
        place = ["--runs-dir", str(self.folder)]
        given = [*model, *sizes, *place, *(learned if train_on else [])]
        return ["paper", self.table, *given, *options]

    def here(self, *options: str, train_on: bool = True) -> Result:
        return CliRunner().invoke(main, self.command(*options, train_on=train_on))

    def done(self, *options: str) -> JSON:
        """Run to the end, and return what it came to."""
        result = self.here("--yes", "--json", *options)
        assert result.exit_code == 0, result.stderr
        assert result.stdout.count("\n") == 1
        found: JSON = json.loads(result.stdout)
        return found

    def interrupt(self, rollouts: int) -> str:
        """Run in a process of its own, and press Ctrl-C after so many calls for rollouts."""
        pipe = subprocess.PIPE
        with Process([*START, *self.command("--yes")], stderr=pipe, text=True) as process:
            self.server.wait_for(lambda: len(self.server.of("rollout")) >= rollouts)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=240)
        assert process.returncode == 130, said
        return said


@pytest.mark.parametrize("table", TABLES)
def test_every_arm_of_a_table_is_learned_and_measured(
    table: str, server: StandIn, tmp_path: Path
) -> None:
    found = TableRun(server, tmp_path, table).done()
    names = [method.name for method in TABLES[table].methods]
    assert [row["method"] for row in found["methods"]] == names
    for method, row in zip(TABLES[table].methods, found["methods"], strict=True):
        assert list(row["figures"]) == found["columns"]
        for figure in row["figures"].values():
            assert 0 <= figure["interval"][0] <= figure["value"] <= figure["interval"][1] <= 1
            assert (figure["difference"] is None) == (method.base is None)
            assert method.base is None or figure["difference"]["p_value"] is not None
    for row in found["evaluations"]:
        assert (row["problems"], row["attempts"], row["missing"]) == (2, 2, {})
        assert row["usage"]["calls"] >= 4
        assert bool(row["library"]) == bool(row["lessons"])
    assert all(library["lessons"] for library in found["libraries"])
    assert found["published"]


def test_what_came_of_it_is_kept_as_json_and_as_text(server: StandIn, tmp_path: Path) -> None:
    job = TableRun(server, tmp_path)
    found = job.done()
    folder = tmp_path / "paper" / "table3"
    assert json.loads((folder / "results.json").read_text("utf-8")) == found
    assert (folder / "report.md").read_text("utf-8") == job.here("--yes").stdout


def test_the_report_has_ours_beside_the_published_ones(server: StandIn, tmp_path: Path) -> None:
    said = TableRun(server, tmp_path).here("--yes").stdout
    assert re.search(r"\*\*ReAct \+ TF-GRPO\*\* +\| \*\*openai:stand-in\*\* .*\[.*\]", said)
    assert re.search(r"\| ReAct \+ TF-GRPO +\| Qwen3-32B, not thinking .* 33\.5 \| +25\.4 \|", said)
    assert "arXiv 2510.08191v1, table 3" in said
    assert "- ReAct + TF-GRPO against ReAct, aime24 mean@2: +" in said
    assert "these figures cannot be compared with the published ones" in said
    assert "learned from math500, 2 problems, in place of dapo-100" in said


def test_a_finished_table_is_told_again_without_a_call(server: StandIn, tmp_path: Path) -> None:
    job = TableRun(server, tmp_path, "table2")
    first, calls = job.done(), server.count()
    again = job.here("--json")  # nothing is left to agree to
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout) == first
    assert server.count() == calls


def test_tables_of_one_folder_share_what_they_have_in_common(
    server: StandIn, tmp_path: Path
) -> None:
    TableRun(server, tmp_path, "table2").done()
    calls = server.count()
    TableRun(server, tmp_path, "table3").done()
    assert server.count() == calls


def test_ctrl_c_costs_nothing_whether_it_learns_or_measures(
    server: StandIn, answers: dict[str, str], tmp_path: Path
) -> None:
    whole = TableRun(server, tmp_path / "whole", "table4").done()
    learning = len(server.of("rollout")) - sum(r["usage"]["calls"] for r in whole["evaluations"])
    with StandIn(answers, latency=0.2) as slow:
        job = TableRun(slow, tmp_path / "interrupted", "table4")
        for rollouts in (learning // 2, learning + 2):
            assert "Rerun the same command to resume" in job.interrupt(rollouts)
        slow.latency = 0.0
        found = job.done()
        assert slow.count() == server.count()
    assert [row["figures"] for row in found["methods"]] == [
        row["figures"] for row in whole["methods"]
    ]


def test_a_rollout_lost_to_an_outage_is_counted_and_tried_again_by_the_same_command(
    server: StandIn, tmp_path: Path
) -> None:
    def fail(call: Call) -> str | None:
        measures = call.body["temperature"] == 0.3
        return "server_error" if measures and not any(c.fault for c in server.calls) else None

    server.faults = fail
    job, once = TableRun(server, tmp_path), ("--set", "max_retries=0")
    lost = [row["missing"] for row in job.done(*once)["evaluations"]]
    assert sum(sum(missing.values()) for missing in lost) == 1
    server.faults, calls = None, len(server.calls)
    assert not any(row["missing"] for row in job.done(*once)["evaluations"])
    assert len(server.calls) == calls + 1


def test_a_budget_ends_a_table_and_a_larger_one_goes_on_without_paying_twice(
    server: StandIn, answers: dict[str, str], tmp_path: Path
) -> None:
    TableRun(server, tmp_path / "whole").done()
    with StandIn(answers) as limited:
        job = TableRun(limited, tmp_path / "limited")
        result = job.here("--yes", "--max-calls", "10")
        assert result.exit_code == 3
        assert "the budget is used up" in result.stderr
        assert 10 <= len(limited.calls) <= 10 + WIDTH
        job.done()
        assert limited.count() == server.count()


def test_a_budget_holds_for_all_tables_of_the_folder(server: StandIn, tmp_path: Path) -> None:
    TableRun(server, tmp_path).done()
    spent = len(server.calls)
    result = TableRun(server, tmp_path, "table1").here("--yes", "--max-calls", str(spent))
    assert result.exit_code == 3
    assert len(server.calls) == spent


def test_a_dry_run_tells_the_cost_of_every_piece_and_spends_nothing(
    server: StandIn, tmp_path: Path
) -> None:
    job = TableRun(server, tmp_path)
    found = json.loads(job.here("--dry-run", "--json", "--set", "price=1,0.1,2").stdout)
    assert [piece["work"] for piece in found["work"]] == [
        "learn math-learned: 2 problems of math500 × 5, 3 epochs",
        "measure ReAct: 2 problems of aime24 × 2",
        "measure ReAct: 2 problems of aime25 × 2",
        "measure ReAct + TF-GRPO: 2 problems of aime24 × 2",
        "measure ReAct + TF-GRPO: 2 problems of aime25 × 2",
    ]
    parts = [piece["forecast"] for piece in found["work"]]
    for name in ("calls", "input", "output", "cost"):
        assert found["forecast"][name] == pytest.approx(sum(part[name] for part in parts))
        assert found["forecast"][name] > 0
    assert not server.calls
    assert not list(tmp_path.iterdir())


def test_a_dry_run_of_a_finished_table_finds_nothing_left(server: StandIn, tmp_path: Path) -> None:
    job = TableRun(server, tmp_path)
    job.done()
    assert "nothing is left" in job.here("--dry-run").stdout


def test_without_a_terminal_nothing_is_spent_unless_told_to(
    server: StandIn, tmp_path: Path
) -> None:
    result = TableRun(server, tmp_path).here()
    assert result.exit_code == 2
    assert "forecast: " in result.stderr
    assert "--yes" in result.stderr
    assert not server.calls


@pytest.mark.parametrize(("reply", "code"), [("n", 1), ("y", 0)])
def test_on_a_terminal_it_asks(server: StandIn, tmp_path: Path, reply: str, code: int) -> None:
    keyboard, terminal = pty.openpty()
    os.write(keyboard, f"{reply}\n".encode())
    job = TableRun(server, tmp_path, "table4")
    done = subprocess.run(
        [*START, *job.command("--limit", "1", "--k", "1")],
        stdin=terminal,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(keyboard)
    os.close(terminal)
    assert done.returncode == code, done.stderr
    assert "Spend it?" in done.stderr
    assert bool(server.calls) == (code == 0)


def refused(result: Result, server: StandIn) -> str:
    """Return the message of a command that was refused before anything was spent."""
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert not server.calls
    return str(result.stderr)


def test_an_unknown_table_is_refused_with_the_nearest(server: StandIn, tmp_path: Path) -> None:
    command = TableRun(server, tmp_path).command("--yes")
    command[1] = "tabel2"
    assert "did you mean 'table2'?" in refused(CliRunner().invoke(main, command), server)


def test_a_training_set_that_is_not_there_is_refused_with_three_remedies(
    server: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFGRPO_DATA", str(tmp_path))
    said = refused(TableRun(server, tmp_path).here("--yes", train_on=False), server)
    assert "hf:BytedTsinghua-SIA/DAPO-Math-17k" in said
    assert "TFGRPO_DATA" in said
    assert "--train-on DATASET" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--set", "tools=search"), "the arms of table3 differ by it"),
        (("--train-on", "gsm8k"), "--train-on names two data sets for one"),
        (("--k", "0"), "setting 'attempts' is 0"),
        (("--set", "tempratur=1"), "did you mean 'temperature'?"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_spent(
    server: StandIn, tmp_path: Path, options: tuple[str, str], said: str
) -> None:
    assert said in refused(TableRun(server, tmp_path).here("--yes", *options), server)


def test_problems_that_are_learned_from_are_not_measured_unless_allowed(
    server: StandIn, tmp_path: Path
) -> None:
    job = TableRun(server, tmp_path)
    overlap = ("--train-on", "aime24")
    said = refused(job.here("--yes", *overlap, train_on=False), server)
    assert "aime24: 2 of 2 problems were trained on" in said
    allowed = job.here("--dry-run", "--allow-overlap", *overlap, train_on=False)
    assert allowed.exit_code == 0
    assert "a gain on them proves nothing" in allowed.stderr


def test_of_two_training_sets_the_replaced_one_must_be_named(
    server: StandIn, tmp_path: Path
) -> None:
    job = TableRun(server, tmp_path, "table6")
    said = refused(job.here("--yes", "--train-on", "math500", train_on=False), server)
    assert "--train-on dapo-100=math500" in said


def test_a_sample_is_drawn_from_a_training_set_of_the_users(
    server: StandIn, tmp_path: Path
) -> None:
    job = TableRun(server, tmp_path)
    assert "--train-on" in refused(job.here("--sample", "5", train_on=False), server)
    said = job.here("--dry-run", "--sample", "7", "--limit", "100").stdout
    assert "learn math-learned: 7 problems of math500" in said


def test_a_library_that_was_learned_otherwise_is_refused_with_the_difference(
    server: StandIn, tmp_path: Path
) -> None:
    TableRun(server, tmp_path).done()
    server.calls.clear()
    said = refused(TableRun(server, tmp_path, "table2").here("--yes", "--set", "seed=7"), server)
    assert "seed: 42 before, 7 now" in said
    assert "--run NEW" in said


def test_an_embedded_model_that_is_to_judge_is_refused(server: StandIn, tmp_path: Path) -> None:
    said = refused(
        TableRun(server, tmp_path, "table4").here("--yes", "--model", "simulated"), server
    )
    assert "cannot judge" in said
