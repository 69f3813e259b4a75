"""Forecasts, costs and budgets, from the command line to a real server that counts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.standin import StandIn
from training_free_grpo.cli import main
from training_free_grpo.records import JSON

PROBLEMS = [f"Riddle number {n}: how many?" for n in range(6)]
WIDTH = 4
PRICE = "100,10,1000"


@dataclass
class Shell:
    """The commands, over one data set and one server."""

    folder: Path
    server: StandIn

    def run(self, command: str, *options: str) -> Result:
        """Run a command on the data set."""
        given = [command, str(self.folder / "problems.jsonl"), "--runs-dir", str(self.runs)]
        given += ["--model", "openai:stand-in", "--base-url", self.server.url]
        given += ["--concurrency", str(WIDTH), "--set", "tools=none"]
        return CliRunner().invoke(main, [*given, *options])

    def train(self, *options: str) -> Result:
        sizes = ["--epochs", "1", "--batch-size", "3", "--group-size", "4", "--run", "run"]
        return self.run("train", *sizes, *options)

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def read(self, name: str) -> JSON:
        found: JSON = json.loads((self.runs / "run" / name).read_text("utf-8"))
        return found

    @property
    def calls(self) -> int:
        return len(self.server.calls)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    rows = [{"id": f"p{n}", "problem": p, "answer": str(n)} for n, p in enumerate(PROBLEMS)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "problems.jsonl").write_text(lines, "utf-8")
    answers = {problem: str(n) for n, problem in enumerate(PROBLEMS)}
    with StandIn(answers, right=lambda problem, n: n % 2 == 0) as server:
        yield Shell(tmp_path, server)


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_dry_run_prints_a_forecast_calls_no_model_and_writes_nothing(
    shell: Shell, command: str
) -> None:
    done = shell.run(command, "--dry-run")
    assert done.exit_code == 0
    assert "forecast: " in done.stdout
    assert "cost unknown" in done.stdout
    assert "assumed: " in done.stdout
    assert (shell.calls, shell.runs.exists()) == (0, False)


def test_a_dry_run_in_json_is_one_object(shell: Shell) -> None:
    done = shell.train("--dry-run", "--json", "--price", PRICE)
    found = json.loads(done.stdout)["forecast"]
    assert found["rollouts"] == 24
    assert found["cost"] > 0


def test_a_run_says_what_it_cost_by_step_role_and_model(shell: Shell) -> None:
    done = shell.train("--price", PRICE)
    assert done.exit_code == 0
    assert "forecast: 24 rollouts" in done.stderr
    usage = shell.read("usage.json")
    charged = shell.server.usage()
    for role, row in charged.items():
        fresh = row["input"] - row["cached"]
        dollars = (100 * fresh + 10 * row["cached"] + 1000 * row["output"]) / 1e6
        assert usage["costs"][role] == {"model": "openai:stand-in", "cost": pytest.approx(dollars)}
    total = sum(row["cost"] for row in usage["costs"].values())
    assert usage["cost"] == pytest.approx(total)
    lines = (shell.runs / "run" / "metrics.jsonl").read_text("utf-8").splitlines()
    assert sum(json.loads(line)["cost"] for line in lines) == pytest.approx(total)
    assert all("tokens, $" in line for line in done.stderr.splitlines() if line[:5] == "step ")


def test_an_unknown_price_is_said_and_never_zero(shell: Shell) -> None:
    done = shell.train()
    assert "an unknown cost (openai:stand-in)" in done.stderr
    assert shell.read("usage.json")["cost"] == "unknown"


def test_an_evaluation_says_what_it_cost_in_all_and_for_each_problem(shell: Shell) -> None:
    done = shell.run("evaluate", "--price", PRICE, "--json", "--k", "2")
    (found,) = json.loads(done.stdout.splitlines()[-1])["evaluations"].values()
    row = shell.server.usage()["rollout"]
    fresh = row["input"] - row["cached"]
    dollars = (100 * fresh + 10 * row["cached"] + 1000 * row["output"]) / 1e6
    assert found["cost"] == pytest.approx(dollars)
    assert sum(p["cost"] for p in found["by_problem"].values()) == pytest.approx(dollars)


@pytest.mark.parametrize(("flag", "value"), [("--max-calls", "10"), ("--max-tokens", "1000")])
def test_a_budget_stops_a_run_within_the_calls_in_flight(
    shell: Shell, flag: str, value: str
) -> None:
    done = shell.train(flag, value)
    assert done.exit_code == 3
    assert f"{int(value):,} {flag.removeprefix('--max-')}" in done.stderr
    assert "a larger budget resumes" in done.stderr
    rows = [call.usage for call in shell.server.calls if call.usage]
    sizes = [
        1 if flag == "--max-calls" else row["prompt_tokens"] + row["completion_tokens"]
        for row in rows
    ]
    assert int(value) <= sum(sizes) < int(value) + WIDTH * max(sizes)


def test_a_larger_budget_goes_on_and_pays_nothing_twice(shell: Shell) -> None:
    assert shell.train("--max-calls", "5").exit_code == 3
    before = shell.calls
    assert before < 5 + WIDTH
    again = shell.train("--max-calls", "5")
    assert (again.exit_code, shell.calls) == (3, before)
    assert shell.train("--max-calls", "30").exit_code == 3
    assert shell.train("--max-calls", "1000").exit_code == 0
    usage = shell.read("usage.json")
    assert usage["total"]["calls"] == shell.calls == len(shell.server.calls)
    assert shell.read("usage.json")["roles"]["rollout"]["calls"] == 24


def test_a_run_that_its_budget_ended_says_what_it_holds(shell: Shell) -> None:
    # A step of three groups: 12 rollouts, 12 summaries, 3 comparisons, 1 edit.
    done = shell.train("--max-calls", "34")
    assert done.exit_code == 3
    assert "3 lessons after step 1" in done.stderr
    assert len(shell.read("library.json")["experiences"]) == 3


def test_a_budget_that_is_enough_to_the_call_ends_in_success(shell: Shell) -> None:
    assert shell.train("--max-calls", "56").exit_code == 0
    assert shell.calls == 56
    assert shell.train("--max-calls", "1").exit_code == 0


def test_a_budget_in_dollars_is_kept(shell: Shell) -> None:
    done = shell.train("--price", PRICE, "--max-cost", "0.1")
    assert done.exit_code == 3
    assert "of $0.10" in done.stderr
    assert shell.calls < 56


def test_a_budget_in_dollars_without_a_price_is_refused_before_any_call(shell: Shell) -> None:
    done = shell.train("--max-cost", "5")
    assert done.exit_code == 2
    assert "no price is known for openai:stand-in" in done.stderr
    assert "--price" in done.stderr
    assert (shell.calls, shell.runs.exists()) == (0, False)


def test_a_budget_of_minutes_is_kept(shell: Shell) -> None:
    shell.server.latency = 0.05
    done = shell.train("--max-minutes", "0.001")
    assert done.exit_code == 3
    assert "of 0.001 minutes" in done.stderr
    assert shell.calls < 56


def test_a_budget_smaller_than_the_forecast_is_said_at_the_start(shell: Shell) -> None:
    done = shell.train("--max-calls", "5")
    assert "the forecast exceeds the budget" in done.stderr
    assert "the forecast exceeds" not in shell.train("--max-calls", "5000").stderr


def test_an_evaluation_keeps_to_its_budget_and_goes_on(shell: Shell) -> None:
    options = ("--run", "check", "--k", "4")
    done = shell.run("evaluate", *options, "--max-calls", "10")
    assert done.exit_code == 3
    assert "resumes without paying for anything twice" in done.stderr
    assert 10 <= shell.calls < 10 + WIDTH
    assert shell.run("evaluate", *options, "--max-calls", "24").exit_code == 0
    assert shell.calls == 24


def test_an_evaluation_that_keeps_nothing_says_so_when_its_budget_ends(shell: Shell) -> None:
    done = shell.run("evaluate", "--k", "4", "--max-calls", "10")
    assert done.exit_code == 3
    assert "--run NAME" in done.stderr


@pytest.mark.parametrize("price", ["1,2", "1,2,x", "1,2,-3", "free"])
def test_a_price_that_is_none_is_refused_with_its_form(shell: Shell, price: str) -> None:
    done = shell.train("--price", price)
    assert done.exit_code == 2
    assert f"setting 'price' is '{price}'" in done.stderr
    assert "INPUT,CACHED,OUTPUT" in done.stderr


def test_after_a_step_the_forecast_is_of_what_is_left(shell: Shell) -> None:
    shell.train("--max-calls", "34")
    done = shell.train("--dry-run")
    assert "forecast: 12 rollouts" in done.stdout
    assert "as measured in 1 step" in done.stdout


def test_a_budget_holds_where_the_endpoint_does_not_say_what_it_took(shell: Shell) -> None:
    shell.server.tells_usage = False
    result = shell.train("--max-tokens", "2000")
    assert result.exit_code == 3, result.output
    charged = sum(call.usage["prompt_tokens"] for call in shell.server.calls if call.usage)
    assert charged < 4000
