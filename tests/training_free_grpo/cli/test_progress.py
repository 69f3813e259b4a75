"""What a command says while it works: on a terminal, without one, and when told to be quiet."""

import json
import os
import pty
import subprocess
import sys
from io import StringIO
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from training_free_grpo.cli import main
from training_free_grpo.cli.progress import TrainingWatch, Watch, write_time
from training_free_grpo.cli.tally import Tally
from training_free_grpo.records import Ledger
from training_free_grpo.runs.archive import RunArchive
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.settings import Settings
from training_free_grpo.simulated import training_problems
from training_free_grpo.spending.forecast import forecast_training

SIZES = ["--epochs", "1", "--batch-size", "4", "--group-size", "3"]
USAGE: Ledger = {
    "rollout": {"calls": 1, "input": 900, "cached": 0, "output": 100, "retries": 2, "repairs": 0}
}


def rollout(id: str, missing: str | None = None) -> Any:
    return {"event": "rollout", "id": id, "missing": missing, "usage": USAGE}


def graded(problem: str, *rewards: float | None) -> Any:
    verdicts = ["failed" if reward is None else "right" for reward in rewards]
    grades = {
        f"{problem}/{n}": {"reward": reward, "verdict": verdict}
        for n, (reward, verdict) in enumerate(zip(rewards, verdicts, strict=True))
    }
    contrast = len(set(rewards) - {None}) > 1
    told = {"event": "grade", "problem": problem, "grades": grades, "usage": {}}
    return told | {"contrast": contrast}


def closed(problem: str) -> Any:
    return {"event": "group", "problem": problem, "group": {"usage": USAGE}}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "data.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in training_problems()[:8]), "utf-8")
    return file


def test_rollouts_rewards_and_groups_are_counted_as_they_finish() -> None:
    tally = Tally()
    tally.begin("step 1", groups=2, rollouts=4)
    tally.hear(rollout("a/0"))
    tally.hear(rollout("a/1"))
    tally.hear(rollout("b/0", "Outage: gone"))
    tally.hear(graded("a", 1.0, 0.0))
    tally.hear(closed("a"))
    assert (len(tally.rollouts), tally.rollouts_expected, tally.missing) == (3, 4, {"b/0"})
    assert (tally.mean_reward, tally.contrast) == (0.5, {"a"})
    assert tally.usage["rollout"]["input"] == 2700


def test_an_attempt_that_could_not_be_graded_is_missing_and_not_wrong() -> None:
    tally = Tally()
    tally.hear(graded("a", None, 1.0))
    assert (tally.mean_reward, tally.missing) == (1.0, {"a/0"})


def test_an_attempt_that_the_grader_left_undecided_is_not_missing() -> None:
    tally = Tally()
    event = graded("a", None, 1.0)
    event["grades"]["a/0"]["verdict"] = "undecided"
    tally.hear(event)
    assert (tally.missing, tally.undecided) == (set(), {"a/0"})


def test_what_was_made_again_after_a_resume_counts_once() -> None:
    tally = Tally()
    for _ in range(2):
        tally.hear(rollout("a/0"))
        tally.hear(graded("a", 1.0))
        tally.hear(closed("a"))
    assert (tally.done, tally.mean_reward) == (2, 1.0)


def test_without_a_terminal_a_line_comes_only_after_a_silence() -> None:
    heard, quiet = StringIO(), StringIO()
    for out, silence in ((heard, 0.0), (quiet, 3600.0)):
        with Watch(Console(file=out, width=200), {}, silence) as watch:
            watch.tally.begin("with library", groups=1, rollouts=2)
            watch.hear(rollout("a/0"))
    assert "with library: 1 of 2 rollouts, 0 of 1 groups" in heard.getvalue()
    assert "900 + 100 tokens" in heard.getvalue()
    assert "2 retries" in heard.getvalue()
    assert quiet.getvalue() == ""


def test_on_a_narrow_terminal_nothing_is_cut_off() -> None:
    out = StringIO()
    with Watch(Console(file=out, width=40, soft_wrap=True), {}, 3600.0) as watch:
        watch.tally.begin("step 1, epoch 1", groups=250, rollouts=1250)
        watch.hear(rollout("a/0", "Outage: gone"))
        watch._console.print(watch._draw())
    shown = " ".join(out.getvalue().split())
    assert "1 of 1,250 rollouts · 1 missing · 0 of 250 groups" in shown
    assert "2 retries" in shown
    assert all(len(line) <= 40 for line in out.getvalue().splitlines()[1:])


def test_silence_is_broken_though_nothing_comes_back() -> None:
    out, spoken = StringIO(), Event()

    class Heard(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            super().print(*objects, **options)
            spoken.set()

    with Watch(Heard(file=out, width=200), {}, 0.5) as watch:
        watch.begin("step 1", groups=1, rollouts=2)
        assert spoken.wait(30)
    assert "step 1: 0 of 2 rollouts" in out.getvalue()


def test_several_evaluations_are_one_piece_of_work() -> None:
    watch = Watch(Console(file=StringIO()), {}, 3600.0, expected=6)
    with watch:
        watch.begin("without library", groups=1, rollouts=2)
        for n in range(2):
            watch.hear(rollout(f"0/a/{n}"))
        watch.hear(graded("a", 1.0))
        watch.hear(closed("a"))
        assert watch.share == 0.5
        watch.begin("with library", groups=1, rollouts=2)
        assert watch.share == 0.5
        watch.hear(rollout("0/a/0"))
        assert watch.share == 4 / 6


def test_contrast_is_seen_when_a_group_is_graded() -> None:
    tally = Tally()
    tally.begin("step 1", groups=2, rollouts=4)
    tally.hear(graded("a", 1.0, 0.0))
    tally.hear(graded("b", 1.0, 1.0))
    assert (tally.contrast, tally.closed) == ({"a"}, set())


async def test_a_run_that_goes_on_is_shown_from_where_it_stopped(tmp_path: Path) -> None:
    settings = Settings(epochs=1, batch_size=4, group_size=3)
    problems = training_problems()[:8]
    training = TrainingRun(RunFolder(tmp_path / "run"), settings, problems)
    training.folder.create(settings.model_dump(mode="json"), training.manifest(), problems)
    line: Any = {"step": 1, "problem_id": "a", "attempt": 0, "missing": None, "messages": []}
    archive = RunArchive(training.folder.path)
    for n in range(4):
        await archive.keep_rollout(line | {"id": f"1/a/{n}", "usage": USAGE})

    def foresee(done: Any) -> Any:
        return forecast_training(settings, problems, False, done)

    watch = TrainingWatch(Console(file=StringIO()), training, foresee)
    assert len(watch.tally.rollouts) == 4
    assert watch.tally.usage["rollout"]["calls"] == 4
    assert watch.share == 4 / (8 * (3 + 1))


def watch_on_terminal(data: Path, **environment: str) -> str:
    """Train on a terminal, long enough for the display, and return all that it showed."""
    sizes = [*SIZES, "--group-size", "100"]
    return show_on_terminal(["train", str(data), *sizes], data.parent / "runs", **environment)


def show_on_terminal(arguments: list[str], runs: Path, **environment: str) -> str:
    """Run a command in a process that has a terminal, and return all that it showed."""
    command = "from training_free_grpo.cli import main; main()"
    mine, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", command, *arguments, "--runs-dir", str(runs)],
        stdin=its,
        stdout=subprocess.DEVNULL,
        stderr=its,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", **environment},
    )
    os.close(its)
    shown = b""
    try:
        while piece := os.read(mine, 65536):
            shown += piece
    except OSError:  # the other end is closed
        pass
    os.close(mine)
    assert process.wait(60) == 0, shown.decode()
    return shown.decode()


def test_a_terminal_shows_the_step_at_work_and_keeps_the_finished_ones(data: Path) -> None:
    shown = watch_on_terminal(data)
    assert "of 400 rollouts" in shown
    assert "━" in shown
    assert "\x1b[3" in shown  # coloured
    assert "step 1 (epoch 1): reward" in shown


def test_learning_from_traces_is_shown_with_as_many_rollouts_as_are_on_record(data: Path) -> None:
    rows = [row | {"reward": n % 2} for row in training_problems()[:90] for n in range(3)]
    lines = (json.dumps(row | {"response": f"{n}"}) + "\n" for n, row in enumerate(rows))
    traces = data.with_name("traces.jsonl")
    traces.write_text("".join(lines), "utf-8")
    shown = show_on_terminal(["learn-from-traces", str(traces)], data.parent / "runs")
    assert "of 270 rollouts" in shown


def test_no_color_takes_the_colours_and_leaves_the_display(data: Path) -> None:
    shown = watch_on_terminal(data, NO_COLOR="1")
    assert "of 400 rollouts" in shown
    assert not any(f"\x1b[{code}" in shown for code in ("3", "9", "1;3", "2;3"))


def test_lines_on_a_terminal_break_between_words(data: Path) -> None:
    shown = watch_on_terminal(data, COLUMNS="38")
    assert "simulated: rules \r\nthat follow lessons, not a real model\r\n" in shown


def test_quiet_says_nothing_but_the_result(data: Path) -> None:
    result = CliRunner().invoke(
        main, ["train", str(data), *SIZES, "--runs-dir", str(data.parent / "runs"), "--quiet"]
    )
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "lessons in" in result.stdout


def test_quiet_still_says_what_is_wrong(data: Path) -> None:
    result = CliRunner().invoke(main, ["train", str(data), "--quiet", "--epochs", "0"])
    assert result.exit_code == 2
    assert "epochs" in result.stderr


def test_the_next_command_speaks_again(data: Path) -> None:
    CliRunner().invoke(main, ["train", str(data), "--quiet", "--epochs", "0"])
    place = ["--runs-dir", str(data.parent / "runs")]
    assert "step 2" in CliRunner().invoke(main, ["train", str(data), *SIZES, *place]).stderr


@pytest.mark.parametrize(
    ("seconds", "said"), [(8.4, "8 s"), (65, "1 min 05 s"), (7384, "2 h 03 min")]
)
def test_times_are_written_as_people_say_them(seconds: float, said: str) -> None:
    assert write_time(seconds) == said
