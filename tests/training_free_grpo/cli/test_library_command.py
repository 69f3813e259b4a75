"""`tfgrpo library`: show, diff, history, export, import."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from training_free_grpo import load_library, save_library
from training_free_grpo.cli import main
from training_free_grpo.library import active_experiences, nowhere, read_library
from training_free_grpo.records import Origin
from training_free_grpo.simulated import training_problems

OLD = read_library({"G0": "Tea: name the plant.", "G1": "Milk: name the animal."})
NEW = read_library({"G0": "Tea: name the leaf.", "G2": "[bold]Marks[/bold]: keep $x_1$ as it is."})


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_library(OLD, "old.json")
    save_library(NEW, "new.json")


def library(*options: str) -> Result:
    result = CliRunner().invoke(main, ["library", *options])
    assert result.exit_code == 0, result.output
    return result


def test_show_prints_each_lesson_with_its_id() -> None:
    shown = library("show", "old.json").stdout
    assert "[G0] Tea: name the plant." in shown
    assert "[G1] Milk: name the animal." in shown


def test_show_prints_what_models_wrote_as_it_stands() -> None:
    assert "[bold]Marks[/bold]: keep $x_1$ as it is." in library("show", "new.json").stdout


def test_show_reads_a_run_folder() -> None:
    Path("run").mkdir()
    Path("old.json").rename("run/library.json")
    assert "[G0]" in library("show", "run").stdout


def test_show_prints_the_library_as_json() -> None:
    assert json.loads(library("show", "old.json", "--json").stdout) == OLD


def test_diff_prints_what_was_added_changed_and_deleted() -> None:
    lines = library("diff", "old.json", "new.json").stdout.splitlines()
    assert lines == [
        "- [G0] Tea: name the plant.",
        "+ [G0] Tea: name the leaf.",
        "- [G1] Milk: name the animal.",
        "+ [G2] [bold]Marks[/bold]: keep $x_1$ as it is.",
    ]


def test_diff_prints_the_changes_as_json() -> None:
    found = json.loads(library("diff", "old.json", "new.json", "--json").stdout)
    assert [(c["id"], c["change"]) for c in found["changes"]] == [
        ("G0", "changed"),
        ("G1", "deleted"),
        ("G2", "added"),
    ]


def test_diff_of_a_library_with_itself_says_so() -> None:
    assert "no difference" in library("diff", "old.json", "old.json").stdout


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("prompt", "[G0] Tea: name the plant."),
        ("markdown", "- **G0** Tea: name the plant."),
        ("reference", '"G0": "Tea: name the plant."'),
        ("json", '"format": 1'),
    ],
)
def test_export_prints_each_form(form: str, said: str) -> None:
    assert said in library("export", "old.json", "--format", form).stdout


@pytest.mark.parametrize("form", ["json", "reference"])
def test_exported_library_can_be_loaded_again(form: str) -> None:
    library("export", "new.json", "--format", form, "--output", "out/copy.json")
    assert load_library("out/copy.json") == NEW


def test_export_to_stdout_can_be_loaded_again() -> None:
    Path("copy.json").write_text(library("export", "new.json").stdout)
    assert load_library("copy.json") == NEW


def test_export_writes_over_no_file() -> None:
    words = ["library", "export", "new.json", "--format", "skill", "--output", "old.json"]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, load_library("old.json")) == (2, OLD)
    assert "old.json already exists" in result.stderr


@pytest.mark.parametrize(("folder", "noted"), [("tea-room", False), ("other", True)])
def test_export_says_so_where_agents_will_not_find_the_skill(folder: str, noted: bool) -> None:
    words = ["--format", "skill", "--name", "tea-room", "--output", f"{folder}/SKILL.md"]
    said = library("export", "old.json", *words).stderr
    assert ("in a folder of that name" in said) == noted


def test_export_names_the_skill() -> None:
    shown = library("export", "old.json", "--format", "skill", "--name", "tea-room").stdout
    assert shown.startswith("---\nname: tea-room\ndescription: ")


def test_unknown_format_is_refused_with_those_there_are() -> None:
    result = CliRunner().invoke(main, ["library", "export", "old.json", "--format", "xml"])
    assert result.exit_code == 2
    assert "skill" in result.stderr


class TestImport:
    @pytest.mark.parametrize(
        ("form", "name"),
        [
            ("skill", "SKILL.md"),
            ("agent", "agent.yaml"),
            ("markdown", "lessons.md"),
            ("json", "x.json"),
        ],
    )
    def test_lessons_come_back_from_another_form(self, form: str, name: str) -> None:
        library("export", "new.json", "--format", form, "--output", name)
        assert "2 lessons in back.json" in library("import", name, "--output", "back.json").stdout
        assert load_library("back.json") == NEW

    def test_file_that_exists_is_not_written_over(self) -> None:
        library("export", "new.json", "--format", "skill", "--output", "SKILL.md")
        words = ["library", "import", "SKILL.md", "--output", "old.json"]
        result = CliRunner().invoke(main, words)
        assert (result.exit_code, load_library("old.json")) == (2, OLD)
        assert "old.json already exists" in result.stderr

    def test_file_without_lessons_is_refused_by_its_name(self) -> None:
        Path("notes.md").write_text("Nothing learned.")
        result = CliRunner().invoke(main, ["library", "import", "notes.md"])
        assert (result.exit_code, Path("library.json").exists()) == (2, False)
        assert "notes.md" in result.stderr


class TestHistory:
    @pytest.fixture(autouse=True)
    def _run(self) -> None:
        """Lay down what a run of two steps keeps, the second of which merged its lessons."""
        origin: Origin = {**nowhere(), "step": 1, "problems": ["p1", "p2"]}
        one = read_library({"G0": "Tea: name the plant.", "G1": "Milk: name the animal."})
        two = read_library({**json.loads(json.dumps(one)), "next_id": 3})
        for lesson in one["experiences"].values():
            lesson["created"] = origin
        for lesson in two["experiences"].values():
            lesson["status"] = "deleted"
        two["experiences"] |= read_library({"G2": "Drinks: name the source."})["experiences"]
        two["experiences"]["G2"]["parents"] = ["G0", "G1"]
        save_library(one, "runs/first/libraries/step-0001.json")
        save_library(two, "runs/first/libraries/step-0002.json")

    def test_history_prints_what_each_step_changed(self) -> None:
        assert library("history", "first").stdout.splitlines() == [
            "step 1",
            "+ [G0] Tea: name the plant.  (2 problems)",
            "+ [G1] Milk: name the animal.  (2 problems)",
            "step 2",
            "- [G0] Tea: name the plant.  (merged into G2)",
            "- [G1] Milk: name the animal.  (merged into G2)",
            "+ [G2] Drinks: name the source.  (merged from G0, G1)",
        ]

    def test_history_of_one_lesson_is_its_own(self) -> None:
        assert library("history", "runs/first", "G0").stdout.splitlines() == [
            "step 1",
            "+ [G0] Tea: name the plant.  (2 problems)",
            "step 2",
            "- [G0] Tea: name the plant.  (merged into G2)",
        ]

    def test_history_is_told_as_json(self) -> None:
        found = json.loads(library("history", "first", "G2", "--json").stdout)
        assert [(c["step"], c["change"], c["parents"]) for c in found["changes"]] == [
            (2, "added", ["G0", "G1"])
        ]

    @pytest.mark.parametrize(
        ("words", "said"),
        [(["first", "G9"], "never held a lesson 'G9'"), (["old.json"], "name the folder of a run")],
    )
    def test_what_has_no_history_is_refused(self, words: list[str], said: str) -> None:
        result = CliRunner().invoke(main, ["library", "history", *words])
        assert result.exit_code == 2
        assert said in result.stderr


def test_history_of_a_real_run_ends_in_its_library() -> None:
    words = ["train", "data.jsonl", "--epochs", "1", "--batch-size", "4", "--group-size", "4"]
    rows = training_problems()[:8]
    Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert CliRunner().invoke(main, words).exit_code == 0
    changes = json.loads(library("history", "default", "--json").stdout)["changes"]
    kept = {change["id"]: change["new"] for change in changes}
    lessons = active_experiences(load_library("runs/default"))
    assert {lesson["id"]: lesson["content"] for lesson in lessons} == {
        id: content for id, content in kept.items() if content
    }
