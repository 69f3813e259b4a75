"""`tfgrpo library`: show, diff, export."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from training_free_grpo import load_library, save_library
from training_free_grpo.cli import main
from training_free_grpo.library import read_library

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
