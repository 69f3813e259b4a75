import copy
import json
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import pytest

from training_free_grpo import load_library, save_library
from training_free_grpo.library import (
    LibraryError,
    active_experiences,
    apply_operation,
    apply_plan,
    check_novelty,
    check_operation,
    diff_libraries,
    empty_library,
    export_library,
    nowhere,
    parse_lessons,
    read_library,
    render_library,
)
from training_free_grpo.records import Library, Operation, Origin, Rejection

Kind = Literal["add", "update", "merge", "delete"]

UNITS = "Units: before answering, convert every quantity to the unit asked for."
CASES = "Cases: when a count is small, list all cases by program."
SIGNS = "Signs: after squaring both sides, test each root in the first equation."
ORIGIN: Origin = {
    "step": 3,
    "problems": ["p1"],
    "rollouts": ["3/p1/0"],
    "model": "simulated",
    "prompt": "abc",
}


def op(kind: Kind, *ids: str, content: str = "") -> Operation:
    return {"operation": kind, "ids": list(ids), "content": content, "rationale": "so"}


def library_of(*contents: str) -> Library:
    library = empty_library()
    for content in contents:
        library = apply_operation(library, op("add", content=content), ORIGIN)
    return library


def plan(
    library: Library, *operations: Operation, max_words: int = 32
) -> tuple[Library, list[Operation], list[Rejection]]:
    return apply_plan(library, [(operation, ORIGIN) for operation in operations], max_words)


def contents(library: Library) -> dict[str, str]:
    return {lesson["id"]: lesson["content"] for lesson in active_experiences(library)}


def test_an_id_is_never_given_again_after_its_lesson_was_deleted() -> None:
    library, _, _ = plan(library_of(UNITS, CASES), op("delete", "G1"), op("add", content=SIGNS))
    assert contents(library) == {"G0": UNITS, "G2": SIGNS}


def test_an_id_is_not_given_again_after_saving_a_library_without_its_lessons(
    tmp_path: Path,
) -> None:
    library, _, _ = plan(library_of(UNITS, CASES), op("delete", "G0"), op("delete", "G1"))
    save_library(library, tmp_path / "library.json")
    library, _, _ = plan(load_library(tmp_path / "library.json"), op("add", content=SIGNS))
    assert contents(library) == {"G2": SIGNS}


def test_a_file_whose_next_id_is_taken_gets_a_free_one() -> None:
    lessons = {"G4": {"content": UNITS}}
    library = read_library({"format": 1, "next_id": 0, "experiences": lessons})
    assert contents(plan(library, op("add", content=CASES))[0]) == {"G4": UNITS, "G5": CASES}


def test_a_deleted_lesson_stays_on_record_but_out_of_force() -> None:
    library, _, _ = plan(library_of(UNITS), op("delete", "G0"))
    assert render_library(library) == ""
    assert library["experiences"]["G0"]["status"] == "deleted"


def test_an_update_of_an_unknown_id_is_rejected_and_makes_no_lesson() -> None:
    library, applied, rejected = plan(library_of(UNITS), op("update", "G9", content=CASES))
    assert contents(library) == {"G0": UNITS}
    assert not applied
    assert "G9" in rejected[0]["reason"]


def test_an_update_keeps_the_id_and_notes_where_it_came_from() -> None:
    library, _, _ = plan(library_of(UNITS), op("update", "G0", content=CASES))
    lesson = library["experiences"]["G0"]
    assert (lesson["content"], lesson["updated"]) == (CASES, [ORIGIN])


def test_a_delete_without_content_deletes() -> None:
    library, applied, _ = plan(library_of(UNITS, CASES), op("delete", "G0", content=""))
    assert contents(library) == {"G1": CASES}
    assert len(applied) == 1


def test_a_merge_puts_one_lesson_with_its_parents_in_place_of_several() -> None:
    merged = op("merge", "G1", "G0", "G1", content=SIGNS)
    library, _, _ = plan(library_of(UNITS, CASES), merged)
    assert contents(library) == {"G2": SIGNS}
    assert library["experiences"]["G2"]["parents"] == ["G0", "G1"]


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (op("merge", "G0", "G9", content=SIGNS), "G9"),
        (op("merge", "G0", content=SIGNS), "two different ids"),
        (op("merge", "G0", "G0", content=SIGNS), "two different ids"),
        (op("merge", content=SIGNS), "two different ids"),
        (op("update", content=SIGNS), "exactly one id"),
        (op("update", "G0", "G1", content=SIGNS), "exactly one id"),
        (op("update", "G0", content="  "), "needs content"),
        (op("delete"), "needs the id"),
        (op("delete", "G9"), "G9"),
        (op("add"), "needs content"),
        (op("add", content=UNITS), "same as G0"),
        (op("add", content=UNITS.upper()), "same as G0"),
        (op("add", content=UNITS.replace(",", " –").rstrip(".") + " !"), "same as G0"),
        (op("update", "G1", content=UNITS), "same as G0"),
        (op("merge", "G1", "G2", content=UNITS), "same as G0"),
        (op("add", content="Long: " + "word " * 32), "33 words"),
        (op("update", "G0", content="Long: " + "word " * 32), "33 words"),
    ],
)
def test_what_cannot_be_carried_out_is_rejected_with_its_reason(
    operation: Operation, reason: str
) -> None:
    library = library_of(UNITS, CASES, SIGNS)
    after, applied, rejected = plan(library, operation)
    assert after == library
    assert not applied
    assert rejected[0]["operation"] == operation
    assert reason in rejected[0]["reason"]


def test_an_add_that_cites_the_lesson_it_repeats_is_rejected() -> None:
    assert check_novelty(library_of(UNITS), op("add", "G0", content=UNITS))


def test_a_lesson_that_says_the_opposite_is_no_duplicate() -> None:
    content = UNITS.replace("convert", "never convert")
    assert check_operation(library_of(UNITS), op("add", content=content), 32) is None


def test_a_lesson_of_exactly_the_most_words_is_taken() -> None:
    content = "Long: " + " ".join(f"w{n}" for n in range(31))
    assert check_operation(empty_library(), op("add", content=content), 32) is None


def test_a_deleted_lesson_may_be_learned_again() -> None:
    library, applied, _ = plan(library_of(UNITS), op("delete", "G0"), op("add", content=UNITS))
    assert contents(library) == {"G1": UNITS}
    assert len(applied) == 2


def test_the_second_of_two_equal_adds_in_one_plan_is_rejected() -> None:
    library, _, rejected = plan(
        empty_library(), op("add", content=UNITS), op("add", content=UNITS.lower())
    )
    assert contents(library) == {"G0": UNITS}
    assert len(rejected) == 1


def test_one_bad_operation_never_costs_the_others() -> None:
    library, applied, rejected = plan(
        library_of(UNITS),
        op("update", "G77", content=CASES),
        op("add", content=CASES),
        op("merge", "G0", "G78", content=SIGNS),
        op("delete", "G0"),
        op("update", "G0", content=SIGNS),
    )
    assert contents(library) == {"G1": CASES}
    assert [len(applied), len(rejected)] == [2, 3]


def test_lessons_are_shown_in_the_order_of_their_numbers() -> None:
    library = read_library({"G10": SIGNS, "G2": CASES, "G1": UNITS})
    assert render_library(library) == f"[G1] {UNITS}\n[G2] {CASES}\n[G10] {SIGNS}"


def test_a_lesson_is_one_line_whatever_white_space_it_came_with() -> None:
    library = library_of("Name:\n[G7] one\r\n\ttwo \u2028 three")
    assert render_library(library) == "[G0] Name: [G7] one two three"


def test_a_lesson_holds_nothing_that_hides_it_from_a_reader() -> None:
    hidden = "Units:\x1b[8m obey \u202eme\u2069.\x00 \ufeff\x9b"
    library = read_library({"G0": hidden})
    assert render_library(library) == "[G0] Units:[8m obey me."
    with pytest.raises(LibraryError, match="not a text"):
        read_library({"G0": "\x1b\u202e"})
    assert check_operation(library, op("add", content="\x1b\u202e"), 8) == "add needs content"


def test_a_lesson_keeps_what_scripts_and_emoji_are_joined_with() -> None:
    joined = (
        "Persian: \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645, \U0001f469\u200d\U0001f52c."
    )
    assert render_library(read_library({"G0": joined})) == f"[G0] {joined}"


def test_parsing_undoes_rendering() -> None:
    library = read_library({f"G{n}": f"Name{n}: say {n} with \\frac{{1}}{{{n}}}" for n in (2, 10)})
    shown = render_library(library)
    assert contents(parse_lessons(shown)) == contents(library)
    assert render_library(parse_lessons(shown)) == shown


def test_a_lesson_added_to_parsed_ones_gets_a_free_id() -> None:
    library = parse_lessons(render_library(library_of(UNITS)))
    assert contents(plan(library, op("add", content=CASES))[0]) == {"G0": UNITS, "G1": CASES}


def test_the_references_form_is_imported_with_its_ids() -> None:
    library = read_library({"G0": UNITS, "G12": f"  {CASES}\n"})
    assert contents(library) == {"G0": UNITS, "G12": CASES}
    assert library["next_id"] == 13


def test_foreign_keys_are_given_our_ids() -> None:
    assert contents(read_library({"first": UNITS, "G0": CASES})) == {"G0": UNITS, "G1": CASES}


@pytest.mark.parametrize("key", ["G007", "G\u0667", "g7"])
def test_a_second_way_to_write_an_id_is_a_foreign_key(key: str) -> None:
    assert contents(read_library({key: UNITS, "G7": CASES})) == {"G0": UNITS, "G1": CASES}


@pytest.mark.parametrize("key", ["G007", "G\u0667"])
def test_a_second_way_to_write_an_id_is_refused_in_our_own_form(key: str) -> None:
    with pytest.raises(LibraryError, match="is not of the form G7"):
        read_library({"format": 1, "next_id": 9, "experiences": {key: {"content": UNITS}}})


def test_the_references_form_may_be_any_mapping() -> None:
    assert contents(read_library(MappingProxyType({"G0": UNITS}))) == {"G0": UNITS}


def test_the_references_form_is_saved_in_ours(tmp_path: Path) -> None:
    save_library({"G0": UNITS}, tmp_path / "library.json")
    assert json.loads((tmp_path / "library.json").read_text("utf-8"))["format"] == 1


def test_what_is_no_library_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="not a text"):
        save_library({"G0": 7}, tmp_path / "library.json")
    assert not (tmp_path / "library.json").exists()


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "lessons.json").write_text(json.dumps({"G0": UNITS}), "utf-8-sig")
    assert contents(load_library(tmp_path / "lessons.json")) == {"G0": UNITS}


def test_an_empty_object_is_an_empty_library() -> None:
    assert read_library({}) == empty_library()


def test_a_saved_library_loads_as_it_was(tmp_path: Path) -> None:
    library, _, _ = plan(
        library_of(UNITS, CASES, "Größe: “≤” und \\frac{1}{2}."),
        op("update", "G0", content=SIGNS),
        op("delete", "G1"),
    )
    save_library(library, tmp_path / "library.json")
    assert load_library(tmp_path / "library.json") == library


def test_a_run_folder_loads_as_its_library(tmp_path: Path) -> None:
    save_library(library_of(UNITS), tmp_path / "library.json")
    assert contents(load_library(str(tmp_path))) == {"G0": UNITS}


def test_a_lesson_with_half_a_character_can_be_saved(tmp_path: Path) -> None:
    save_library(library_of("Half: \ud83d."), tmp_path / "library.json")
    assert len(contents(load_library(tmp_path / "library.json"))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"text"',
        "\udcff",
        '{"format": 2}',
        '{"format": 1}',
        '{"format": 1, "next_id": 0, "experiences": []}',
        '{"format": 1, "next_id": "many", "experiences": {}}',
        '{"format": 1, "next_id": 0, "experiences": {"G0": "text"}}',
        '{"format": 1, "next_id": 0, "experiences": {"G0": {}}}',
        '{"format": 1, "next_id": 0, "experiences": {"G0": {"content": 7}}}',
        '{"format": 1, "next_id": 0, "experiences": {"G0": {"content": " "}}}',
        '{"format": 1, "next_id": 0, "experiences": {"X0": {"content": "text"}}}',
        '{"G0": 7}',
        '{"G0": ""}',
        '{"format": 1, "next_id": 1e999, "experiences": {}}',
        '{"G0": "one", "G0": "two"}',
        "[" * 200_000,
    ],
)
def test_a_damaged_file_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "damaged.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(LibraryError, match=r"damaged\.json"):
        load_library(file)


def test_an_absent_file_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"absent\.json"):
        load_library(tmp_path / "absent.json")


def test_the_name_of_a_run_is_answered_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_library(library_of(UNITS), "runs/desk/library.json")
    with pytest.raises(LibraryError, match=r"did you mean 'runs/desk'\?"):
        load_library("desk")


def test_a_diff_lists_what_was_added_changed_and_deleted() -> None:
    old = library_of(UNITS, CASES)
    new, _, _ = plan(
        old, op("update", "G0", content=SIGNS), op("delete", "G1"), op("add", content=UNITS)
    )
    assert diff_libraries(old, new) == [
        {"id": "G0", "change": "changed", "old": UNITS, "new": SIGNS},
        {"id": "G1", "change": "deleted", "old": CASES, "new": None},
        {"id": "G2", "change": "added", "old": None, "new": UNITS},
    ]


def test_a_library_does_not_differ_from_itself() -> None:
    assert diff_libraries(library_of(UNITS), library_of(UNITS)) == []


@pytest.mark.parametrize("form", ["json", "reference"])
def test_an_export_can_be_read_back(form: str) -> None:
    library, _, _ = plan(library_of(UNITS, CASES), op("delete", "G0"))
    exported: Any = json.loads(export_library(library, form))
    assert contents(read_library(exported)) == {"G1": CASES}


@pytest.mark.parametrize(
    ("form", "shown"),
    [("markdown", f"# Lessons\n\n- **G0** {UNITS}"), ("prompt", f"[G0] {UNITS}")],
)
def test_an_export_shows_the_lessons_to_people_and_models(form: str, shown: str) -> None:
    assert export_library(library_of(UNITS), form) == shown


def test_an_unknown_form_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LibraryError, match="json, markdown, prompt, reference"):
        export_library(empty_library(), "yaml")


def test_a_plan_leaves_the_library_and_the_operations_as_they_were() -> None:
    library = library_of(UNITS, CASES, "Third: a lesson.")
    operations = [
        (op("update", "G0", content=SIGNS), nowhere()),
        (op("merge", "G1", "G2", content=CASES), nowhere()),
        (op("delete", "G0"), nowhere()),
        (op("update", "G9"), nowhere()),
    ]
    before = copy.deepcopy((library, operations))
    apply_plan(library, operations, 32)
    assert (library, operations) == before


def test_reading_leaves_the_given_data_as_it_was() -> None:
    data: dict[str, Any] = {
        "format": 1,
        "next_id": 1,
        "experiences": {"G0": {"content": " a  b ", "updated": []}},
    }
    before = copy.deepcopy(data)
    plan(read_library(data), op("update", "G0", content=UNITS))
    assert data == before
