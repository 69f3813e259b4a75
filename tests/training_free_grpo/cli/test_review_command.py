"""`tfgrpo train --review` and `tfgrpo review`: a run that waits, is decided on, and goes on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.job import Job, new_server
from tests.standin import StandIn
from training_free_grpo.cli import main
from training_free_grpo.library import active_experiences
from training_free_grpo.records import JSON
from training_free_grpo.runs.folder import RunError
from training_free_grpo.runs.reviews import keep_answer

SIZES = ("--limit", "4", "--batch-size", "2")
"""Two steps of two problems."""


def teaching_server() -> StandIn:
    """Make a server that has something to learn from each problem."""
    server = new_server(tool_share=0.0)
    server.right = lambda problem, n: n % 2 == 0
    return server


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """A run that waits with the plan of its first step."""
    with teaching_server() as server:
        found = Job(tmp_path, server, options=("--review", *SIZES))
        assert told(found.here())["status"] == "waiting for review"
        yield found


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


def review(job: Job, *options: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(main, ["review", str(job.path), *options], input=typed)


def decide(job: Job, answer: Any) -> Result:
    file = job.folder / "decisions.json"
    file.write_text(json.dumps(answer), "utf-8")
    return review(job, "--decisions", str(file), "--json")


def pending(job: Job) -> list[JSON]:
    operations: list[JSON] = told(review(job, "--json"))["operations"]
    return operations


def learned(job: Job) -> list[str]:
    return [lesson["content"] for lesson in active_experiences(job.library)]  # type: ignore[arg-type]


def test_a_run_that_waits_says_how_it_goes_on(job: Job) -> None:
    said = CliRunner().invoke(main, [part for part in job.command() if part != "--json"])
    assert said.exit_code == 0
    assert f"tfgrpo review {job.path}" in said.stdout
    status = CliRunner().invoke(main, ["status", str(job.path)])
    assert "waiting for review, 0 of 2 steps" in status.stdout
    assert learned(job) == []


def test_the_same_command_goes_on_once_it_is_decided_and_pays_for_nothing_twice(job: Job) -> None:
    paid = job.server.count()
    assert told(job.here())["status"] == "waiting for review"
    assert job.server.count() == paid
    assert review(job, "--approve-all").exit_code == 0
    second = told(job.here())
    assert (second["status"], second["steps"]) == ("waiting for review", 1)
    assert review(job, "--approve-all").exit_code == 0
    assert told(job.here())["status"] == "finished"
    assert job.server.count()["edit_experiences"] == 2
    assert job.server.count()["rollout"] == 2 * paid["rollout"]


def test_approving_everything_learns_what_a_run_without_review_learns(job: Job) -> None:
    for _ in range(2):
        review(job, "--approve-all")
        job.here()
    with teaching_server() as server:
        alone = Job(job.folder, server, name="alone", options=SIZES)
        assert told(alone.here())["status"] == "finished"
    assert learned(job) == learned(alone)
    assert len(learned(job)) > 2


def test_decisions_are_asked_for_one_by_one(job: Job) -> None:
    first, second = pending(job)
    typed = "what?\nr\ntoo narrow\ne\nRule: write it down.\ny\n"
    said = review(job, typed=typed)
    assert said.exit_code == 0
    assert "1 rejected, 1 edited" in said.stdout
    assert first["content"] in said.stdout
    job.here()
    assert learned(job) == ["Rule: write it down."]
    (declined,) = [row for row in metrics(job)[0]["rejected"] if "declined" in row["reason"]]
    assert declined["reason"] == "declined in review: too narrow"
    assert second["content"] not in learned(job)


def metrics(job: Job) -> list[Any]:
    return [json.loads(line) for line in (job.path / "metrics.jsonl").read_text().splitlines()]


def test_a_lesson_with_too_many_words_is_asked_for_again(job: Job) -> None:
    typed = f"e\nRule: {'very ' * 40}long.\ne\nRule: be short.\na\ny\n"
    said = review(job, typed=typed)
    assert said.exit_code == 0
    assert "the maximum is 32" in said.stderr


def test_decisions_come_from_a_file(job: Job) -> None:
    answer = {"decisions": [{"operation": 0, "decision": "reject"}], "all": "approve"}
    assert told(decide(job, answer))["decided"] == {"rejected": 1, "approved": 1}


@pytest.mark.parametrize("typed", [None, "a\n", "r\n", "a\na\n"])
def test_where_nobody_answers_nothing_is_decided(job: Job, typed: str | None) -> None:
    said = review(job, typed=typed)
    assert said.exit_code == 2
    assert "--approve-all" in said.stderr
    assert len(pending(job)) == 2


@pytest.mark.parametrize("said", ["another line", "abort", "exit", "rest", "", "approve it"])
def test_only_the_words_themselves_decide(job: Job, said: str) -> None:
    done = review(job, typed=f"{said}\nq\n")
    assert "a  approve: apply it as it is" in done.stderr
    assert "[2 of 2]" not in done.stdout
    assert len(pending(job)) == 2


@pytest.mark.parametrize("said", ["A", "approve", "Approve"])
def test_a_decision_is_a_letter_or_its_word(job: Job, said: str) -> None:
    assert "2 approved" in review(job, typed=f"{said}\n{said}\nYes\n").stdout


@pytest.mark.parametrize("typed", ["q\n", "a\nq\n", "a\na\n\n", "a\na\nn\n", "a\na\nwhat?\n"])
def test_whoever_leaves_or_does_not_confirm_has_decided_nothing(job: Job, typed: str) -> None:
    done = review(job, typed=typed)
    assert done.exit_code == 0
    assert "no decision was saved: step 1 still waits" in done.stdout
    assert len(pending(job)) == 2


def test_a_decision_can_be_taken_back(job: Job) -> None:
    done = review(job, typed="a\nb\nr\nno\na\nb\nr\n\ny\n")
    assert "2 rejected" in done.stdout


def test_decisions_are_summed_up_before_they_count(job: Job) -> None:
    first, _ = pending(job)
    done = review(job, typed="a\nr\ntoo narrow\ny\n")
    assert f"[1] add approved: {first['content']}\n[2] add rejected: too narrow\n" in done.stdout


def test_an_operation_is_shown_as_the_decisions_before_leave_it(job: Job) -> None:
    assert "+ [G1]" in review(job, typed="a\nq\n").stdout
    done = review(job, typed="r\n\nq\n").stdout
    assert done.count("+ [G0]") == 2
    assert "+ [G1]" not in done


def test_the_same_words_twice_are_asked_for_again(job: Job) -> None:
    done = review(job, typed="e\nRule: once.\ne\nRule: once.\ne\nRule: twice.\ny\n")
    assert "content says the same as G0" in done.stderr
    assert "2 edited" in done.stdout


def test_what_was_decided_meanwhile_stands(job: Job) -> None:
    request = json.loads((job.path / "reviews" / "step-0001.json").read_text())["request"]
    decide(job, {"all": "reject"})
    with pytest.raises(RunError, match="decided in the meantime"):
        keep_answer(job.path, request, {"all": "approve"})
    job.here()
    with pytest.raises(RunError, match="decided in the meantime"):
        keep_answer(job.path, request, {"all": "approve"})
    assert learned(job) == []
    assert [row["step"] for row in metrics(job)] == [1]


def test_a_file_of_decisions_may_begin_with_a_byte_order_mark(job: Job) -> None:
    file = job.folder / "decisions.json"
    file.write_text('{"step": 1, "all": "approve"}', "utf-8-sig")
    assert "2 approved" in review(job, "--decisions", str(file)).stdout


@pytest.mark.parametrize(
    ("answer", "said"),
    [(None, "the answer is None"), ({"step": 2, "all": "approve"}, "step 1 is waiting")],
)
def test_a_file_that_answers_no_plan_or_another_is_refused(
    job: Job, answer: Any, said: str
) -> None:
    done = decide(job, answer)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(pending(job)) == 2


def test_decisions_that_leave_one_out_are_refused_by_its_number(job: Job) -> None:
    said = decide(job, {"decisions": [{"operation": 0, "decision": "approve"}]})
    assert said.exit_code == 2
    assert "operation 1 is not decided on" in said.stderr
    assert len(pending(job)) == 2


def test_an_answer_that_was_spoiled_on_disk_is_told_and_can_be_given_again(job: Job) -> None:
    review(job, "--approve-all")
    file = job.path / "reviews" / "step-0001.json"
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "answer": {"all": "perhaps"}}))
    said = job.here()
    assert said.exit_code == 2
    assert "'perhaps'" in said.stderr
    assert pending(job) == kept["request"]["operations"]
    review(job, "--approve-all")
    assert told(job.here())["steps"] == 1


def test_a_file_of_decisions_that_is_damaged_is_named_and_can_be_deleted(job: Job) -> None:
    file = job.path / "reviews" / "step-0001.json"
    file.write_text('{"request": ')
    assert f"{file} is damaged" in job.here().stderr
    file.unlink()
    assert told(job.here())["status"] == "waiting for review"
    assert len(pending(job)) == 2


def test_there_is_nothing_to_decide_on_where_nothing_waits(job: Job) -> None:
    review(job, "--approve-all")
    again = review(job, "--approve-all")
    assert again.exit_code == 2
    assert "nothing" in again.stderr
    assert "is waiting for review" in again.stderr


def test_a_reviewed_run_is_replayed_with_the_decisions_that_were_made(job: Job) -> None:
    decide(job, {"decisions": [{"operation": 0, "decision": "reject"}], "all": "approve"})
    job.here()
    review(job, "--approve-all")
    assert told(job.here())["status"] == "finished"
    again = CliRunner().invoke(main, ["replay", str(job.path), "--json"])
    assert told(again)["equal"]
