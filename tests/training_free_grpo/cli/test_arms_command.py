"""`tfgrpo evaluate` beside a placebo and at equal cost."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.standin import StandIn
from training_free_grpo import save_library
from training_free_grpo.cli import main
from training_free_grpo.ledger import no_usage
from training_free_grpo.library.lessons import library_of

ROWS = [{"id": f"sum-{n}", "problem": f"{n} + {n}?", "answer": str(2 * n)} for n in range(12)]
ANSWERS = {str(row["problem"]): str(row["answer"]) for row in ROWS}
LESSONS = "Sums: add from the right, and carry what is more than nine to the next place."
LEARNING = 30_000
"""Tokens that the run `first` took."""
COOKING = "Soups: let them simmer, and stir now and then until the spoon stands."


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of one's own, with a data set and two libraries in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    Path("runs/first").mkdir(parents=True)
    for name, text in ("lessons", LESSONS), ("cooking", COOKING), ("runs/first/library", LESSONS):
        save_library(library_of((f"G{n}", f"{text} ({n})") for n in range(4)), f"{name}.json")
    usage = {"roles": {"rollout": no_usage() | {"input": LEARNING}}, "cost": "unknown"}
    Path("runs/first/usage.json").write_text(json.dumps(usage))


def run(server: StandIn, *options: str, library: str = "lessons.json") -> Result:
    model = ("--model", "openai:stand-in", "--base-url", server.url, "--set", "tools=none")
    given = ("evaluate", "data.jsonl", "--library", library, *model, *options)
    return CliRunner().invoke(main, [*given])


def told(server: StandIn, *options: str, library: str = "lessons.json") -> Any:
    result = run(server, *options, "--json", library=library)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


def test_a_placebo_is_read_in_the_place_of_the_library() -> None:
    with StandIn(ANSWERS) as server:
        found = told(server, "--placebo", "cooking.json")
        shown = [("Sums: add" in call.system, "Soups: let" in call.system) for call in server.calls]
    assert list(found["evaluations"]) == ["with library", "placebo library"]
    assert shown == [(True, False)] * 12 + [(False, True)] * 12
    assert found["difference"] is None
    assert list(found["differences"]) == ["placebo library"]
    said = "4 lessons of about 78 tokens, in the place of 4 lessons of about 86 tokens"
    assert found["notes"]["placebo library"] == said


def test_equal_cost_buys_attempts_and_pays_for_those_of_the_baseline_once() -> None:
    with StandIn(ANSWERS) as server:
        found = told(server, "--equal-cost", "--k", "4", library="first")
        calls = len(server.calls)
    assert list(found["evaluations"]) == ["without library", "with library", "equal cost"]
    before, _, bought = found["evaluations"].values()
    assert bought["attempts"] > 4
    assert all(bought["rewards"][id][:4] == rewards for id, rewards in before["rewards"].items())
    assert calls == 12 * (4 + bought["attempts"])


@pytest.mark.parametrize(("library", "learning"), [("lessons.json", 0), ("first", LEARNING)])
def test_the_attempts_cost_what_the_library_and_its_learning_did(
    library: str, learning: int
) -> None:
    with StandIn(ANSWERS) as server:
        found = told(server, "--equal-cost", "--k", "4", library=library)
    before, after, bought = found["evaluations"].values()
    each = weigh(before) / 4
    assert bought["attempts"] == int((weigh(after) + learning) / each)
    told_of = f"{learning:,} weighted tokens" if learning else "an unknown amount"
    assert f"and {told_of} to learn" in found["notes"]["equal cost"]


def weigh(evaluation: Any) -> float:
    """Count tokens as they are said to be weighed where no price is known."""
    used = evaluation["usage"]["rollout"]
    return float(used["input"] - 0.9 * used["cached"] + 4 * used["output"])


def test_at_equal_cost_the_majority_is_compared_with_the_mean() -> None:
    with StandIn(ANSWERS) as server:
        found = told(server, "--equal-cost", "--k", "3")
    library, bought = (found["evaluations"][name] for name in ("with library", "equal cost"))
    gain = library["mean"] - bought["majority"]["value"]
    assert found["differences"]["equal cost"]["difference"] == pytest.approx(gain)
    assert found["difference"] == found["differences"]["without library"]


def test_a_price_makes_money_of_tokens() -> None:
    with StandIn(ANSWERS) as server:
        found = told(server, "--equal-cost", "--k", "2", "--set", "price=1,0.1,4")
    assert "the library cost $" in found["notes"]["equal cost"]
    before, library, bought = found["evaluations"].values()
    assert bought["attempts"] == int(2 * library["cost"] / before["cost"])


def test_it_is_said_what_each_difference_tells() -> None:
    with StandIn(ANSWERS, right=lambda problem, attempt: True) as server:
        said = run(server, "--equal-cost", "--placebo", "cooking.json", "--k", "2").stdout
    assert "difference to placebo library: +0.0 points" in said
    assert "\n  other text of the same length may help as much\n" in said
    assert "difference to majority@" in said
    assert "\n  extra attempts at the same cost may help as much; its pass@" in said


def test_an_evaluation_that_was_cut_short_goes_on_without_paying_twice() -> None:
    options = ("--equal-cost", "--placebo", "cooking.json", "--k", "2", "--run", "kept")
    with StandIn(ANSWERS) as server:
        server.faults = lambda call: "no_quota" if call.number >= 60 else None
        assert run(server, *options, library="first").exit_code == 1
        server.faults = None
        found = told(server, *options, library="first")
        paid = sum(call.usage is not None for call in server.calls)
    attempts = found["evaluations"]["equal cost"]["attempts"]
    assert attempts > 2
    assert paid == 12 * (2 + 2 + attempts)


@pytest.mark.process
def test_a_model_that_tells_no_tokens_leaves_equal_cost_out_and_says_so() -> None:
    rows = [{**row, "gold": row["answer"], "response": "\\boxed{2}"} for row in ROWS]
    Path("answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ("--library", "lessons.json", "--equal-cost", "--model", "recorded:answers.jsonl")
    result = CliRunner().invoke(main, ["evaluate", "data.jsonl", *options])
    assert result.exit_code == 0, result.output
    assert "equal cost: skipped: the model reports no tokens" in result.stdout


@pytest.mark.parametrize("flag", [["--baseline"], ["--equal-cost"], ["--placebo", "cooking.json"]])
def test_without_a_library_there_is_nothing_to_compare_with(flag: list[str]) -> None:
    result = CliRunner().invoke(main, ["evaluate", "data.jsonl", *flag])
    assert result.exit_code == 2
    assert f"{flag[0]} compares with a library" in result.stderr


@pytest.mark.parametrize(
    ("placebo", "said"),
    [("empty.json", "the placebo has no lessons"), ("lessons.json", "are also in the library")],
)
def test_a_placebo_that_is_none_is_refused_before_any_call(placebo: str, said: str) -> None:
    Path("empty.json").write_text("{}")
    with StandIn(ANSWERS) as server:
        result = run(server, "--placebo", placebo)
        assert server.calls == []
    assert result.exit_code == 2
    assert said in result.stderr
