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
from training_free_grpo.run_files import read_metrics
from training_free_grpo.run_folder import RunFolder
from training_free_grpo.settings import Settings
from training_free_grpo.simulated import training_problems

SIZES = ["--epochs", "2", "--batch-size", "6", "--group-size", "4"]
MANIFEST: JSON = {"policy": "simulated", "reflection": "simulated", "agent": "react"}
MANIFEST |= {"created": "2026-01-01T00:00:00Z"}


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


async def start(path: Path, groups: int, length: int = 10) -> RunFolder:
    """Start a run and leave it in its first step."""
    folder = RunFolder(path)
    settings = Settings(epochs=1, group_size=1).model_dump(mode="json")
    folder.create(settings, MANIFEST, [])
    message = {"role": "assistant", "content": "x" * length}
    for n in range(groups):
        line = {"id": f"1/p{n}/0", "step": 1, "problem_id": f"p{n}", "problem": f"Problem {n}?"}
        figures = {"attempt": 0, "missing": None, "tool_calls": 0, "turns": 1, "seconds": 0.1}
        await folder.keep_rollout(line | figures | {"usage": {}, "messages": [message]})
    return folder


async def test_a_run_in_its_first_step_has_a_report(tmp_path: Path) -> None:
    page = read((await start(tmp_path / "run", groups=2)).path)
    assert "No step is finished yet" in text_of(page)
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
