"""`tfgrpo learn-from-traces`: real recorded attempts, reflected on by a real server."""

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.standin import StandIn
from training_free_grpo.cli import main
from training_free_grpo.simulated import training_problems

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("TFGRPO_DATA", ROOT.parent / "shared" / "data"))
START = [sys.executable, "-c", "from training_free_grpo.cli import main; main()"]
GROUPS = 40


def real(name: str) -> Path:
    path = DATA / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"real data is absent: no {path.name} in the folder TFGRPO_DATA names")
    return path


def command(file: Path, server: StandIn, folder: Path, *options: str) -> list[str]:
    model = ["--model", "openai:stand-in", "--base-url", server.url]
    runs = ["--runs-dir", str(folder), "--json"]
    return ["learn-from-traces", str(file), *model, *runs, *options]


def learn(file: Path, server: StandIn, folder: Path, *options: str) -> Result:
    return CliRunner().invoke(main, command(file, server, folder, *options))


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


def labels() -> list[list[bool]]:
    """Return the labels of the first problems' attempts."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for line in real("labelled_gsm8k_openai").read_text("utf-8").splitlines():
        row = json.loads(line)
        groups[row["problem"]].append(row["label"])
    return list(groups.values())[:GROUPS]


class TestLabelledGroups:
    def test_groups_that_the_labels_divide_are_learned_from(
        self, server: StandIn, tmp_path: Path
    ) -> None:
        divided = sum(len(set(group)) > 1 for group in labels())
        said = told(learn(real("labelled_gsm8k_openai"), server, tmp_path, "--limit", str(GROUPS)))
        (step,) = said["metrics"]
        assert (step["problems"], step["rollouts"]) == (GROUPS, 4 * GROUPS)
        assert step["groups_with_contrast"] == divided
        assert step["mean_reward"] == pytest.approx(
            sum(sum(group) for group in labels()) / (4 * GROUPS)
        )
        assert said["library"]["experiences"]
        assert server.count() == {
            "summarize": 4 * divided,
            "extract_advantage": divided,
            "edit_experiences": 1,
        }

    def test_grader_decides_where_rewards_do_not_count(
        self, server: StandIn, tmp_path: Path
    ) -> None:
        file = real("labelled_gsm8k_openai")
        options = ("--limit", "8", "--regrade")
        (step,) = told(learn(file, server, tmp_path, *options))["metrics"]
        first = labels()[:8]
        assert step["mean_reward"] == pytest.approx(sum(map(sum, first)) / 32)
        line = (tmp_path / "default" / "rollouts" / "step-0001.jsonl").read_text().splitlines()[0]
        assert json.loads(line)["extracted"]

    def test_killed_run_goes_on_and_learns_the_same(self, tmp_path: Path) -> None:
        file = real("labelled_gsm8k_openai")
        options = ("--limit", "8", "--batch-size", "4", "--concurrency", "2")
        with StandIn() as server:
            whole = told(learn(file, server, tmp_path / "whole", *options))
            calls = len(server.calls)
        with StandIn(latency=0.05) as server:
            line = [*START, *command(file, server, tmp_path / "killed", *options)]
            with subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
                server.wait_for(lambda: len(server.calls) >= calls // 2, seconds=180)
                process.send_signal(signal.SIGKILL)
            again = told(learn(file, server, tmp_path / "killed", *options))
            paid = len(server.calls)
            told(learn(file, server, tmp_path / "killed", *options))
            assert len(server.calls) == paid
        assert again["library"] == whole["library"]
        assert paid <= calls + 2

    def test_budget_ends_a_run_that_a_larger_one_goes_on_with(
        self, server: StandIn, tmp_path: Path
    ) -> None:
        file = real("labelled_gsm8k_openai")
        options = ("--limit", "8", "--concurrency", "2")
        result = learn(file, server, tmp_path, *options, "--max-calls", "6")
        assert result.exit_code == 3
        assert len(server.calls) <= 8
        told(learn(file, server, tmp_path, *options))
        divided = sum(len(set(group)) > 1 for group in labels()[:8])
        assert len(server.calls) == 5 * divided + 1


def test_rollouts_of_another_run_teach_without_being_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = training_problems()[:14]
    Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    small = ["--epochs", "1", "--batch-size", "14", "--json"]
    trained = told(CliRunner().invoke(main, ["train", "data.jsonl", *small]))
    words = ["learn-from-traces", "runs/default/rollouts/step-0001.jsonl", "--run", "again"]
    said = told(CliRunner().invoke(main, [*words, "--json"]))
    (before,), (after,) = trained["metrics"], said["metrics"]
    same = ("problems", "rollouts", "mean_reward", "groups_with_contrast", "tool_calls")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert said["library"]["experiences"]
    assert "rollout" not in after["usage"]


def test_single_attempts_are_each_reflected_on_with_their_searches(
    server: StandIn, tmp_path: Path
) -> None:
    file = real("trajectories_r1searcher")
    options = ("--map", "reward=judge_gpt4o", "--limit", "12")
    result = learn(file, server, tmp_path, *options)
    (step,) = told(result)["metrics"]
    assert "every attempt is reflected on alone" in result.stderr
    assert (step["problems"], step["rollouts"], step["groups_with_contrast"]) == (12, 12, 0)
    assert server.count() == {"summarize": 12, "extract_advantage": 12, "edit_experiences": 1}
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()[:12]]
    read = "".join(call.messages[1]["content"] for call in server.of("summarize"))
    asked = [json.dumps({"query": query.strip()}) for row in rows for query in row["queries"]]
    assert all(f"[tool call] search {query}" in read for query in asked)


class TestRuns:
    """Rollouts that are named by the run that made them."""

    @pytest.fixture
    def trained(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        rows = training_problems()[:4]
        Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        sizes = ["--epochs", "1", "--batch-size", "2", "--group-size", "2", "--run", "first"]
        assert CliRunner().invoke(main, ["train", "data.jsonl", *sizes]).exit_code == 0

    @pytest.mark.usefixtures("trained")
    @pytest.mark.parametrize("place", ["first", "runs/first", "runs/first/rollouts"])
    def test_run_stands_for_its_rollouts(self, place: str) -> None:
        done = CliRunner().invoke(main, ["learn-from-traces", place, "--dry-run"])
        assert done.exit_code == 0
        assert "8 attempts at 4 problems" in done.stderr

    @pytest.mark.usefixtures("trained")
    def test_other_attempts_make_a_fork_from_what_was_learned(self) -> None:
        words = ["learn-from-traces", "first", "--run", "again"]
        assert CliRunner().invoke(main, words).exit_code == 0
        other = ["learn-from-traces", "first", "--run", "again", "--limit", "2"]
        refused = CliRunner().invoke(main, other)
        assert refused.exit_code == 2
        assert "--fork NEW" in refused.stderr
        assert CliRunner().invoke(main, [*other, "--fork", "new"]).exit_code == 0
        manifest = json.loads(Path("runs/new/manifest.json").read_text())
        assert manifest["parent"] == "again"

    @pytest.mark.usefixtures("trained")
    def test_run_gets_its_logs_for_inspect(self) -> None:
        pytest.importorskip("inspect_ai", reason="the extra `inspect` is not installed")
        words = ["learn-from-traces", "first", "--run", "again", "--inspect-logs"]
        assert CliRunner().invoke(main, words).exit_code == 0
        assert Path("runs/again/inspect/again-step-0001.eval").exists()


class TestWords:
    """On a small file of one's own."""

    ROWS = (
        {"problem": "A?", "answer": "1", "response": "\\boxed{1}"},
        {"problem": "A?", "answer": "1", "response": "\\boxed{2}"},
        {"problem": "B?", "answer": "1", "response": "\\boxed{1}", "reward": 1},
    )

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        (tmp_path / "traces.jsonl").write_text("".join(json.dumps(r) + "\n" for r in self.ROWS))
        return tmp_path / "traces.jsonl"

    def test_says_what_there_is_to_learn_from(
        self, file: Path, server: StandIn, tmp_path: Path
    ) -> None:
        said = learn(file, server, tmp_path).stderr
        assert "3 attempts at 2 problems, 1 of them with a reward" in said

    def test_starts_from_a_library(self, file: Path, server: StandIn, tmp_path: Path) -> None:
        (tmp_path / "start.json").write_text('{"G5": "Tea: name the plant."}')
        learn(file, server, tmp_path, "--library", str(tmp_path / "start.json"))
        (call,) = server.of("edit_experiences")
        assert "[G5] Tea: name the plant." in call.messages[1]["content"]

    def test_edits_wait_for_a_person_where_one_is_wanted(
        self, file: Path, server: StandIn, tmp_path: Path
    ) -> None:
        said = told(learn(file, server, tmp_path, "--review"))
        assert (said["status"], said["library"]["experiences"]) == ("waiting for review", {})
        run = str(tmp_path / "default")
        assert CliRunner().invoke(main, ["review", run, "--approve-all"]).exit_code == 0
        said = told(learn(file, server, tmp_path, "--review"))
        assert said["status"] == "finished"
        assert said["library"]["experiences"]

    def test_changed_attempts_are_refused_with_the_difference(
        self, file: Path, server: StandIn, tmp_path: Path
    ) -> None:
        told(learn(file, server, tmp_path))
        file.write_text(file.read_text().replace("{2}", "{3}"))
        result = learn(file, server, tmp_path)
        assert result.exit_code == 2
        assert "traces:" in result.stderr

    def test_bad_rows_are_named_before_any_call(
        self, file: Path, server: StandIn, tmp_path: Path
    ) -> None:
        with file.open("a") as lines:
            lines.write('{"problem": "A?", "answer": "1"}\n')
        result = learn(file, server, tmp_path)
        assert (result.exit_code, server.calls) == (2, [])
        assert "traces.jsonl, row 4: no response and no messages" in result.stderr

    def test_field_that_no_attempt_has_is_refused_with_those_it_has(
        self, file: Path, server: StandIn, tmp_path: Path
    ) -> None:
        result = learn(file, server, tmp_path, "--map", "rewards=x")
        assert result.exit_code == 2
        assert "did you mean 'reward'?" in result.stderr

    def test_what_it_would_take_is_said_without_a_call_and_without_a_run(
        self, file: Path, server: StandIn, tmp_path: Path
    ) -> None:
        result = learn(file, server, tmp_path, "--dry-run")
        assert told(result)["forecast"]["rollouts"] == 0
        assert server.calls == []
        assert not (tmp_path / "default").exists()

    def test_forecast_stands_ahead_of_the_work_and_counts_for_the_budget(
        self, file: Path, server: StandIn, tmp_path: Path
    ) -> None:
        said = learn(file, server, tmp_path, "--max-calls", "1").stderr
        assert said.index("forecast: 0 rollouts") < said.index("the forecast exceeds the budget")
