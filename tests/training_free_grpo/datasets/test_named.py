"""The named sets: local copies first, then the hub."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from training_free_grpo.datasets import NAMED, DatasetError, draw_sample, load_problems
from training_free_grpo.graders import load_grader

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("TFGRPO_DATA", ROOT.parent / "shared" / "data"))
ROWS = {
    "aime24": 30,
    "aime25": 30,
    "gsm8k": 1319,
    "math500": 500,
    "minerva": 272,
    "hotpotqa": 512,
    "2wiki": 512,
    "triviaqa": 512,
    "popqa": 511,  # of 512 rows: two ask the same and accept the same
    "bamboogle": 125,
    "webwalkerqa": 680,
    "webwalkerqa-51": 51,
}
# What `datasets` of Hugging Face offers us, and no more: it is an extra, and it needs a network.
HUB = """
import json, pathlib
def load_dataset(*place, split):
    place = "__".join([*place, split]).replace("/", "__")
    rows = pathlib.Path(__file__).with_name(f"{place}.jsonl").read_text().splitlines()
    return (json.loads(row) for row in rows)
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a hub that holds what the test writes there."""
    monkeypatch.delenv("TFGRPO_DATA", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "datasets", raising=False)
    (tmp_path / "datasets.py").write_text(HUB)
    return tmp_path


def publish(hub: Path, place: str, *rows: Any) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (hub / f"{place.replace('/', '__').replace(':', '__')}.jsonl").write_text(lines)


@pytest.mark.parametrize(("name", "rows"), ROWS.items(), ids=ROWS)
def test_a_named_set_loads_whole_from_its_copy_and_every_problem_has_its_truth(
    name: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (DATA / NAMED[name].file).exists():
        pytest.skip(f"real data is absent: no {NAMED[name].file} in the folder TFGRPO_DATA names")
    monkeypatch.setenv("TFGRPO_DATA", str(DATA))
    problems, _ = load_problems(name, needs_truth=True)
    assert len(problems) == len({p["id"] for p in problems}) == rows


def test_rows_that_are_no_problems_are_refused_with_their_fields() -> None:
    if not (DATA / "webarena_812.jsonl").exists():
        pytest.skip("real data is absent: no webarena_812.jsonl in the folder TFGRPO_DATA names")
    with pytest.raises(DatasetError, match=r"rows 1, 2, 3, 4, 5 and 807 more: no text .*task_id"):
        load_problems(str(DATA / "webarena_812.jsonl"))


def test_eight_solutions_of_a_problem_are_one_problem_and_noted() -> None:
    if not (DATA / "labelled_math_qwen800.jsonl").exists():
        pytest.skip("real data is absent: no labelled_math_qwen800.jsonl in TFGRPO_DATA")
    _, notes = load_problems(str(DATA / "labelled_math_qwen800.jsonl"))
    assert "700 of 800 rows repeat" in notes[0]


def test_a_copy_goes_before_the_hub(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(hub, "HuggingFaceH4/aime_2024:train", {"problem": "on the hub", "answer": "1"})
    assert load_problems("aime24")[0][0]["problem"] == "on the hub"
    monkeypatch.setenv("TFGRPO_DATA", str(hub))
    assert load_problems("aime24")[0][0]["problem"] == "on the hub"
    (hub / "aime24.jsonl").write_text('{"problem": "at home", "answer": "1"}')
    assert load_problems("aime24")[0][0]["problem"] == "at home"


PROMPT = (
    "Solve the following math problem step by step. The last line of your response should be of "
    "the form Answer: $Answer (without quotes) where $Answer is the answer to the problem.\n\n"
    "What is\n\n1 + 1?\n\n"
    'Remember to put your answer on its own line after "Answer:".'
)
FORMS: dict[str, tuple[dict[str, Any], tuple[str, list[str]]]] = {
    "gsm8k": (
        {"question": "Two pairs of 500?", "answer": "2 * 500 = <<2*500=1000>>1000\n#### 1,000"},
        ("Two pairs of 500?", ["1,000"]),
    ),
    "dapo": (
        {
            "data_source": "math_dapo",
            "prompt": [{"content": PROMPT, "role": "user"}],
            "reward_model": {"ground_truth": "2", "style": "rule"},
            "extra_info": {"index": "9a9b6eb4"},
        },
        ("What is\n\n1 + 1?", ["2"]),
    ),
    "popqa": (
        {"id": "test_0", "question": "Who?", "golden_answers": ["A", "B"], "metadata": {}},
        ("Who?", ["A", "B"]),
    ),
    "afm": ({"extra_info": {"question": "Who?", "answer": ["A"]}}, ("Who?", ["A"])),
}


@pytest.mark.parametrize(("name", "case"), FORMS.items(), ids=FORMS)
def test_a_published_row_becomes_the_bare_problem(
    hub: Path, name: str, case: tuple[dict[str, Any], tuple[str, list[str]]]
) -> None:
    row, expected = case
    publish(hub, NAMED[name].hub, row)
    problem = load_problems(name)[0][0]
    assert (problem["problem"], problem["answers"]) == expected


def test_the_ids_of_math500_are_those_of_its_copies(hub: Path) -> None:
    row = {"problem": "1+1?", "answer": "2", "unique_id": "test/algebra/1.json"}
    publish(hub, "HuggingFaceH4/MATH-500:test", row)
    assert load_problems("math500")[0][0]["id"] == "test/algebra/1.json"


def test_repeats_of_dapo_count_once(hub: Path) -> None:
    row, _ = FORMS["dapo"]
    publish(hub, NAMED["dapo"].hub, *[row] * 100)
    problems, notes = load_problems("dapo")
    assert len(problems) == 1
    assert "99 of 100 rows repeat a problem" in notes[0]


def test_rows_of_afm_with_several_answers_are_left_out_and_noted(hub: Path) -> None:
    rows = [{"extra_info": {"question": f"{n}?", "answer": ["A"] * n}} for n in (1, 2, 3)]
    publish(hub, NAMED["afm"].hub, *rows)
    problems, notes = load_problems("afm")
    assert [p["problem"] for p in problems] == ["1?"]
    assert notes == ["afm, rows 2, 3: not exactly one answer; left out"]


def test_any_set_of_the_hub_can_be_mapped(hub: Path) -> None:
    publish(hub, "someone/theirs:train", {"q": "1+1?", "a": {"b": 2}})
    problems, _ = load_problems("hf:someone/theirs", mapping={"problem": "q", "answer": "a.b"})
    assert problems[0]["answers"] == ["2"]


@pytest.mark.parametrize("place", ["hf:", "hf:a:", "hf:a::b", "hf:a:b:c:d"])
def test_a_place_on_the_hub_of_another_form_is_refused(place: str) -> None:
    with pytest.raises(DatasetError, match=r"is not of the form hf:owner/name:config:split"):
        load_problems(place)


def test_a_failure_of_the_hub_names_the_copy_that_would_do(hub: Path) -> None:
    with pytest.raises(DatasetError, match=r"aime24: cannot load hf:.*aime24\.jsonl .*TFGRPO_DATA"):
        load_problems("aime24")


@pytest.mark.parametrize(("name", "near"), [("aime2024", "aime24"), ("MATH-500", "math500")])
def test_an_unknown_name_is_refused_with_the_nearest_and_all(name: str, near: str) -> None:
    with pytest.raises(DatasetError, match=f"did you mean '{near}'") as error:
        load_problems(name)
    assert all(known in str(error.value) for known in NAMED)


@pytest.mark.parametrize("name", ["dapo-100", "afm-100"])
def test_a_hundred_of_a_set_are_always_the_same_ones(hub: Path, name: str) -> None:
    ids = [f"row {n}" for n in range(150)]
    row, _ = FORMS[name.removesuffix("-100")]
    rows = [json.loads(json.dumps(row).replace("Who", id).replace("1 + 1", id)) for id in ids]
    publish(hub, NAMED[name].hub, *rows)
    problems, notes = load_problems(name)
    everything, _ = load_problems(name.removesuffix("-100"))
    assert problems == draw_sample(everything, 100)
    assert notes == [f"{name}: 100 of 150 problems: those whose salted ids hash lowest"]
    publish(hub, NAMED[name].hub, *rows[::-1])
    assert load_problems(name)[0] == problems[::-1]


def level(row: Any) -> Any:
    return {"question": row["question"], "answer": row["answer"], "info": row}


@pytest.mark.parametrize("published", [False, True], ids=["copy", "hub"])
def test_the_51_of_webwalkerqa_are_drawn_by_difficulty(
    hub: Path, monkeypatch: pytest.MonkeyPatch, published: bool
) -> None:
    file = DATA / "webwalkerqa.jsonl"
    if not file.exists():
        pytest.skip("real data is absent: no webwalkerqa.jsonl in the folder TFGRPO_DATA names")
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    if published:
        publish(hub, NAMED["webwalkerqa"].hub, *map(level, rows))
    else:
        monkeypatch.setenv("TFGRPO_DATA", str(DATA))
    problems, notes = load_problems("webwalkerqa-51")
    drawn = {problem["problem"] for problem in problems}
    levels = Counter(row["difficulty_level"] for row in rows if row["question"].strip() in drawn)
    assert levels == {"easy": 12, "medium": 21, "hard": 18}
    assert "51 of 680 problems, 12 easy, 21 medium, 18 hard" in notes[-1]


def test_a_copy_that_tells_no_difficulty_is_refused(hub: Path) -> None:
    publish(hub, NAMED["webwalkerqa"].hub, {"question": "Who?", "answer": "A"})
    with pytest.raises(DatasetError, match=r"cannot draw 12 .* difficulty_level 'easy' holds 0"):
        load_problems("webwalkerqa-51")


@pytest.mark.parametrize("name", NAMED)
def test_the_table_of_the_documentation_is_that_of_the_code(name: str) -> None:
    known = NAMED[name]
    line = f"| `{name}` | `{known.hub}` | {known.file} | {known.grader} | {known.tools} |"
    line += f" {known.attempts} |"
    assert line in (ROOT / "docs" / "datasets.md").read_text("utf-8")


@pytest.mark.parametrize("name", NAMED)
def test_the_grader_of_every_named_set_exists(name: str) -> None:
    assert callable(load_grader(NAMED[name].grader))
