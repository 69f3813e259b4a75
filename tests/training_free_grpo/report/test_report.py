"""What stands in the report of a run of the embedded model."""

import json
import re
from pathlib import Path
from typing import Any

import lxml.html  # type: ignore[import-untyped]
import pytest
from typer.testing import CliRunner, Result

from training_free_grpo.cli import main
from training_free_grpo.library import active_experiences, load_library
from training_free_grpo.records import JSON, Library
from training_free_grpo.report import write_report
from training_free_grpo.runs.archive import RunArchive
from training_free_grpo.runs.files import read_metrics
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.recorder import RunRecorder
from training_free_grpo.runs.reviews import keep_answer, read_pending
from training_free_grpo.settings import Settings
from training_free_grpo.simulated import training_problems

SIZES = ["--epochs", "2", "--batch-size", "6", "--group-size", "4"]
MANIFEST: JSON = {"policy": "simulated", "reflection": "simulated", "agent": "react"}
MANIFEST |= {"created": "2026-01-01T00:00:00Z"}
MANIFEST |= {"attempter": {"model": "simulated", "replayable": True, "group_size": 1}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    rows = "".join(json.dumps(row) + "\n" for row in training_problems()[:12])
    (folder / "data.jsonl").write_text(rows, "utf-8")
    place = ["--run", "first", "--runs-dir", str(folder / "runs")]
    result = CliRunner().invoke(main, ["train", str(folder / "data.jsonl"), *SIZES, *place])
    assert result.exit_code == 0, result.output
    return folder / "runs" / "first"


@pytest.fixture(scope="module")
def page(run: Path) -> Any:
    return read(run)


@pytest.fixture(scope="module")
def library(run: Path) -> Library:
    return load_library(run)


def read(run: Path) -> Any:
    file = run / "report.html"
    write_report(RunFolder(run), file)
    return lxml.html.fromstring(file.read_text("utf-8"))


def text_of(element: Any) -> str:
    return " ".join(element.text_content().split())


def report(*options: str) -> Result:
    return CliRunner().invoke(main, ["report", *options])


def test_the_first_figures_are_the_reward_at_both_ends_and_the_lessons(
    page: Any, run: Path, library: Library
) -> None:
    said = text_of(page.find_class("figures")[0])
    first, *_, last = read_metrics(run)
    for reward in (first["mean_reward"], last["mean_reward"]):
        assert reward is not None
        assert f"{100 * reward:.1f} %" in said
    assert f"{len(active_experiences(library))} " in f"{said} "


def test_the_curve_has_a_mark_with_its_interval_for_each_step(page: Any, run: Path) -> None:
    curve = page.find_class("wide")[0]
    assert len(curve.find_class("mark")) == len(read_metrics(run)) == 4
    assert len(curve.find_class("interval")) == 4
    assert "95 % interval" in curve.xpath(".//svg/@aria-label")[0]


def test_every_lesson_stands_there_with_links_to_the_groups_it_came_from(
    page: Any, library: Library
) -> None:
    for lesson in active_experiences(library):
        row = page.get_element_by_id(f"lesson-{lesson['id']}")
        assert lesson["content"] in text_of(row)
        links = row.xpath(".//a/@href")
        assert len(links) == len(lesson["created"]["problems"]) > 0


def test_every_link_leads_somewhere_in_the_page(page: Any) -> None:
    ids = set(page.xpath("//@id"))
    assert {link.removeprefix("#") for link in page.xpath("//a/@href")} <= ids


def test_the_history_tells_when_each_lesson_came(page: Any, library: Library) -> None:
    said = text_of(page.get_element_by_id("history"))
    for lesson in library["experiences"].values():
        assert f"added {lesson['id']} {lesson['content']}" in said


def test_every_attempt_of_every_group_is_there_with_its_transcript(page: Any, run: Path) -> None:
    rollouts = sum(step["rollouts"] for step in read_metrics(run))
    assert len(page.xpath("//article")) == rollouts
    assert len(page.find_class("transcript")) == rollouts


def test_a_group_with_contrast_says_why_and_what_came_of_it(page: Any, library: Library) -> None:
    lesson = active_experiences(library)[0]
    anchor = page.get_element_by_id(f"lesson-{lesson['id']}").xpath(".//a/@href")[0]
    said = text_of(page.get_element_by_id(anchor.removeprefix("#")))
    assert "Why some were better" in said
    assert "Outcome: final answer" in said
    assert f"What the library took from it added {lesson['id']}" in said


def test_a_proposal_says_which_lesson_it_became(page: Any, library: Library) -> None:
    fates = [text_of(fate) for fate in page.find_class("fate")]
    assert fates
    taken = {id for fate in fates for id in re.findall(r"(?:taken as|went into) (G\d+)", fate)}
    assert taken == library["experiences"].keys()


def test_every_attempt_can_be_linked_to(page: Any) -> None:
    ids = [article.get("id") for article in page.xpath("//article")]
    assert len(set(ids)) == len(ids)
    assert "s1g1a1" in ids


def test_names_of_steps_and_their_figures_are_words_apart(page: Any) -> None:
    for summary in page.find_class("more"):
        assert re.match(r"Step \d+ ", summary.text_content().strip())


def test_the_cost_is_told_by_role_and_by_step(page: Any, run: Path) -> None:
    usage = json.loads((run / "usage.json").read_text())
    said = text_of(page.get_element_by_id("cost"))
    assert f"{usage['roles']['summarize']['input']:,}" in said
    assert f"{usage['total']['output']:,}" in said


def test_the_file_holds_no_script_and_no_address(page: Any) -> None:
    assert not page.xpath("//script | //link | //img | //iframe | //*[@src] | //*[@style]")
    policy = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_command_writes_into_the_run_or_where_it_is_told(run: Path, tmp_path: Path) -> None:
    assert report("first", "--runs-dir", str(run.parent)).exit_code == 0
    assert (run / "report.html").is_file()
    told = json.loads(report(str(run), "--output", str(tmp_path / "r.html"), "--json").stdout)
    assert told["bytes"] == (tmp_path / "r.html").stat().st_size


def test_a_folder_is_no_file_to_write(run: Path, tmp_path: Path) -> None:
    result = report(str(run), "--output", str(tmp_path))
    assert result.exit_code == 2
    assert f"{tmp_path} is a folder" in result.stderr


def test_a_run_that_is_not_there_is_bad_input(run: Path) -> None:
    result = report("second", "--runs-dir", str(run.parent))
    assert result.exit_code == 2
    assert "there are: first" in result.stderr


def train(folder: Path, *options: str) -> Path:
    """Make a run of one small step, or go on with it."""
    rows = "".join(json.dumps(row) + "\n" for row in training_problems()[:12])
    (folder / "data.jsonl").write_text(rows, "utf-8")
    sizes = ["--epochs", "1", "--batch-size", "12", "--group-size", "4"]
    place = ["--run", "run", "--runs-dir", str(folder)]
    command = ["train", str(folder / "data.jsonl"), *sizes, *place, *options]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    return folder / "run"


def test_a_plan_that_waits_is_shown_and_then_what_was_decided_on_it(tmp_path: Path) -> None:
    run = train(tmp_path, "--review")
    request = read_pending(run)
    assert request
    page = read(run)
    said = text_of(page.get_element_by_id("review"))
    assert all(operation["content"] in said for operation in request["operations"])
    assert "waits for a review" in text_of(page.get_element_by_id("groups"))
    first = {"operation": 0, "decision": "reject", "reason": "half of them were lucky"}
    second = {"operation": 1, "decision": "edit", "content": "Units: write every unit down."}
    keep_answer(run, request, {"decisions": [first, second], "all": "approve"})
    page = read(train(tmp_path, "--review"))
    assert not page.xpath("//*[@id='review']")
    fates = [text_of(fate) for fate in page.find_class("fate")]
    assert "turned down: declined in review: half of them were lucky" in fates
    assert "went into G0, edited by a person" in fates
    assert "edited by a person" in text_of(page.get_element_by_id("lesson-G0"))
    losses = page.get_element_by_id("losses")
    assert "half of them were lucky" in text_of(losses)
    assert losses.xpath(".//a[starts-with(@href, '#s1g')]")


def test_a_run_without_attempts_shows_no_reward_and_no_use_of_tools(tmp_path: Path) -> None:
    page = read(train(tmp_path, "--set", "directly_generated=true"))
    assert "Mean reward" not in text_of(page.find_class("figures")[0])
    assert "the lessons are written from the problems alone" in text_of(page)
    assert "Tool calls per rollout" not in text_of(page)


def test_a_single_step_has_one_reward_and_one_interval(tmp_path: Path) -> None:
    said = text_of(read(train(tmp_path)).find_class("figures")[0])
    assert re.match(r"Mean reward ?95 % interval [0-9.]+ % to [0-9.]+ % ?[0-9.]+ %", said)


def test_a_run_that_learned_nothing_says_why(tmp_path: Path) -> None:
    library = read(train(tmp_path, "--limit", "6", "--batch-size", "6")).get_element_by_id(
        "library"
    )
    assert "nothing was learned: " in text_of(library)


async def start(path: Path, groups: int, length: int = 10) -> RunFolder:
    """Start a run and leave it in its first step."""
    folder, archive = RunFolder(path), RunArchive(path)
    settings = Settings(epochs=1, group_size=1).model_dump(mode="json")
    folder.create(settings, MANIFEST, [])
    message = {"role": "assistant", "content": "x" * length}
    for n in range(groups):
        line: Any = {
            "id": f"1/p{n}/0",
            "step": 1,
            "problem_id": f"p{n}",
            "problem": f"Problem {n}?",
        }
        figures = {"attempt": 0, "missing": None, "tool_calls": 0, "turns": 1, "seconds": 0.1}
        await archive.keep_rollout(line | figures | {"usage": {}, "messages": [message]})
    return folder


async def test_a_run_in_its_first_step_has_a_report(tmp_path: Path) -> None:
    page = read((await start(tmp_path / "run", groups=2)).path)
    assert "No step is finished yet" in text_of(page)
    assert "stopped: 2 groups begun" in text_of(page)
    assert "at work" not in text_of(page)
    assert len(page.xpath("//article")) == 2


async def test_a_long_transcript_is_cut_and_says_by_how_much(tmp_path: Path) -> None:
    page = read((await start(tmp_path / "run", groups=1, length=50_000)).path)
    said = text_of(page.find_class("transcript")[0])
    assert re.search(r"about 9,?500 tokens were cut here", said)
    assert len(said) < 13_000


async def test_of_very_many_groups_some_are_left_out_and_counted(tmp_path: Path) -> None:
    page = read((await start(tmp_path / "run", groups=1010)).path)
    assert len(page.find_class("group")) == 1000
    assert "10 more groups" in text_of(page.get_element_by_id("groups"))


async def test_undecided_rollouts_are_told_apart_from_missing_ones(tmp_path: Path) -> None:
    folder = await start(tmp_path / "run", groups=1)
    attempt: Any = {"id": "1/p0/0", "reward": None, "verdict": "undecided", "extracted": "Obama"}
    attempt |= {"missing": None, "undecided": "Words cannot tell.", "tool_calls": 0, "turns": 1}
    group: Any = {"problem": "p0", "attempts": [attempt | {"seconds": 0.1}], "contrast": False}
    group |= {"reasoning": "", "proposals": [], "rejected": [], "failure": None, "usage": {}}
    problem: Any = {"id": "p0", "problem": "Problem 0?", "answers": ["Barack Obama"]}
    await RunRecorder(folder.path).keep_group(1, group, problem, {}, {})
    losses = text_of(read(folder.path).get_element_by_id("losses"))
    assert "Undecided by the grader" in losses
    assert "Words cannot tell." in losses
    assert "Missing rollouts" not in losses


async def test_missing_rollouts_are_told_by_step_and_reason(tmp_path: Path) -> None:
    folder = await start(tmp_path / "run", groups=2)
    line: Any = {"id": "1/p2/0", "step": 1, "problem_id": "p2", "problem": "?", "attempt": 0}
    line |= {"missing": "a time-out", "tool_calls": 0, "turns": 0, "seconds": 0.1}
    await RunArchive(folder.path).keep_rollout(line | {"usage": {}, "messages": []})
    assert "step 1: 1 a time-out" in text_of(read(folder.path).get_element_by_id("losses"))
