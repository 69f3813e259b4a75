"""Libraries leave in the forms that others read, and come back with their ids."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from training_free_grpo.library import (
    FORMS,
    LibraryError,
    active_experiences,
    apply_operation,
    empty_library,
    export_library,
    import_library,
    nowhere,
    read_library,
)
from training_free_grpo.records import Library, Operation

AWKWARD = read_library(
    {
        "G0": 'Quotes: "say" it, it\'s # fine: {{ library }} <b>&amp;</b> and \\frac{1}{2}.',
        "G2": "Größe: [G0] text - **G1** 数を数える, 50 % → ½.",
        "G10": "- A dash: first, then a colon at the end:",
    }
)
SUFFIXES = {
    **{"json": ".json", "reference": ".json", "agent": ".yaml"},
    **{"markdown": ".md", "skill": ".md", "prompt": ".txt", "system": ".txt"},
}
REFERENCE_AGENT = """\
# @package _global_
defaults:
- _self_
agent:
  name: math_agent
  instructions: 'You are a careful solver. Use [1]. as a list mark.


    Read the experiences:

    [G0]. Units: convert first.

    [G3]. Cases: list all of them,

    even the small ones.'
toolkits: {}
"""


def contents(library: Library) -> dict[str, str]:
    return {lesson["id"]: lesson["content"] for lesson in active_experiences(library)}


def without_last() -> Library:
    """Return a library whose last lesson was deleted: its id must not be given again."""
    delete: Operation = {"operation": "delete", "ids": ["G10"], "content": "", "rationale": ""}
    return apply_operation(AWKWARD, delete, nowhere())


def write(folder: Path, form: str, library: Library) -> Path:
    file = folder / f"lessons{SUFFIXES[form]}"
    file.write_text(export_library(library, form) + "\n", "utf-8")
    return file


@pytest.mark.parametrize("form", FORMS)
def test_lessons_come_back_from_every_form_with_their_ids(form: str, tmp_path: Path) -> None:
    assert contents(import_library(write(tmp_path, form, AWKWARD))) == contents(AWKWARD)


@pytest.mark.parametrize("form", FORMS)
def test_what_came_back_leaves_in_the_same_words(form: str, tmp_path: Path) -> None:
    back = import_library(write(tmp_path, form, AWKWARD))
    assert export_library(back, form) == export_library(AWKWARD, form)


@pytest.mark.parametrize("form", ["json", "markdown", "skill", "agent"])
def test_id_of_a_deleted_lesson_is_not_given_again_after_a_round_trip(
    form: str, tmp_path: Path
) -> None:
    back = import_library(write(tmp_path, form, without_last()))
    add: Operation = {"operation": "add", "ids": [], "content": "New: one.", "rationale": ""}
    assert contents(apply_operation(back, add, nowhere()))["G11"] == "New: one."


def test_our_own_json_comes_back_whole(tmp_path: Path) -> None:
    assert import_library(write(tmp_path, "json", without_last())) == without_last()


@pytest.mark.parametrize("form", ["json", "reference"])
def test_empty_library_comes_back_empty(form: str, tmp_path: Path) -> None:
    assert import_library(write(tmp_path, form, empty_library())) == empty_library()


@pytest.mark.parametrize("form", ["prompt", "system"])
def test_empty_library_adds_nothing_to_a_prompt(form: str) -> None:
    assert export_library(empty_library(), form) == ""


@pytest.mark.parametrize("form", ["markdown", "agent", "prompt", "system"])
def test_empty_library_in_a_text_is_refused_as_one_without_lessons(
    form: str, tmp_path: Path
) -> None:
    with pytest.raises(LibraryError, match="no line of the form"):
        import_library(write(tmp_path, form, empty_library()))


def test_skill_without_lessons_is_not_written() -> None:
    with pytest.raises(LibraryError, match="the library is empty"):
        export_library(empty_library(), "skill")


@pytest.mark.parametrize("mark", ["- **G0**", "[G0]"])
@pytest.mark.parametrize("gap", ["\n  ", "\n\n\t"])
def test_lines_wrapped_by_hand_are_one_lesson(mark: str, gap: str, tmp_path: Path) -> None:
    text = f"# Lessons\n\n{mark} Tea: name{gap}the plant{gap}and leaf.\n- **G1** Milk: boil it.\n"
    (tmp_path / "a.md").write_text(text)
    found = contents(import_library(tmp_path / "a.md"))
    assert found == {"G0": "Tea: name the plant and leaf.", "G1": "Milk: boil it."}


def test_skill_begins_with_its_name_and_what_it_is_about() -> None:
    _, front, body = export_library(AWKWARD, "skill", "my-lessons").split("---\n", 2)
    found = yaml.safe_load(front)
    assert found["name"] == "my-lessons"
    assert "Quotes, Größe, - A dash" in found["description"]
    assert "[G2] Größe" in body


def test_description_of_a_skill_is_at_most_1024_characters() -> None:
    many = read_library({f"G{n}": f"A rather long name, number {n}: do it." for n in range(99)})
    front = export_library(many, "skill").split("---\n", 2)[1]
    assert len(yaml.safe_load(front)["description"]) == 1024


@pytest.mark.parametrize("name", ["My Skill", "-x", "x--y", "", "x" * 65])
def test_name_that_no_skill_may_have_is_refused(name: str) -> None:
    with pytest.raises(LibraryError, match="skill name"):
        export_library(AWKWARD, "skill", name)


def test_agent_file_holds_the_lessons_as_lines_a_person_can_read() -> None:
    text = export_library(AWKWARD, "agent", "solver")
    assert yaml.safe_load(text)["agent"]["name"] == "solver"
    assert "    [G2]. Größe" in text


def test_agent_file_of_the_reference_is_read_with_its_ids(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text(REFERENCE_AGENT)
    found = contents(import_library(tmp_path / "agent.yaml"))
    assert found == {
        "G0": "Units: convert first.",
        "G3": "Cases: list all of them, even the small ones.",
    }


def test_ids_of_a_form_that_is_not_ours_are_numbered_in_order(tmp_path: Path) -> None:
    agent = {"instructions": "Read these experiences:\n[1]. Tea: name it.\n[two]. Milk: boil it."}
    (tmp_path / "agent.yml").write_text(yaml.safe_dump(agent))
    assert contents(import_library(tmp_path / "agent.yml")) == {
        "G0": "Tea: name it.",
        "G1": "Milk: boil it.",
    }


def test_yaml_that_would_make_objects_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("agent: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(LibraryError, match=r"bad\.yaml: it is not YAML"):
        import_library(tmp_path / "bad.yaml")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.md", "# Nothing", "no line of the form"),
        ("a.md", "[G1] one\n[G1] two", "'G1' occurs twice"),
        ("a.md", "[G1] one\n[G01] two", "'G01' is not of the form G7"),
        ("a.md", "- **G\u0663** three", "is not of the form G7"),
        ("a.yaml", "[" * 100_000, "nested too deeply"),
        ("a.json", "[" * 200_000, "nested too deeply"),
        ("a.json", '{"G0": "a", "G0": "b"}', "'G0' occurs twice"),
        ("a.yaml", "agent: {name: x}", "no text under agent.instructions"),
        ("a.yaml", "- a list", "no text under agent.instructions"),
        ("a.yaml", "agent: {instructions: Be brief.}", "hold no line"),
        ("a.yaml", "agent: [", "it is not YAML"),
        ("a.json", "[]", "a library is a JSON object"),
    ],
)
def test_file_without_lessons_is_refused_by_its_name(
    name: str, text: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(LibraryError, match=said) as caught:
        import_library(tmp_path / name)
    assert name in str(caught.value)


def test_absent_file_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"nowhere\.md: No such file"):
        import_library(tmp_path / "nowhere.md")


def test_references_json_holds_nothing_but_ids_and_texts() -> None:
    exported: Any = json.loads(export_library(without_last(), "reference"))
    assert exported == contents(without_last())
