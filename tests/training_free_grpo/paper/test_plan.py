"""What a table takes, what its folder holds of it, and what is not as it was published."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from training_free_grpo.datasets import DatasetError
from training_free_grpo.library import active_experiences, parse_lessons, save_library
from training_free_grpo.metrics import measure_evaluation
from training_free_grpo.paper.plan import PaperPlan
from training_free_grpo.paper.protocol import differences
from training_free_grpo.paper.tables import TABLES
from training_free_grpo.paper.work import DataSet, Learning, Measurement
from training_free_grpo.records import Attempt, Evaluation, Group, Problem
from training_free_grpo.settings import SettingsError


def problems(name: str, count: int = 2) -> list[Problem]:
    return [{"id": f"{n}", "problem": f"{name} {n}?", "answers": ["1"]} for n in range(count)]


def plan(name: str, folder: Path = Path("runs"), k: int | None = None, **options: Any) -> PaperPlan:
    """PaperPlan a table on a few invented problems."""
    table = TABLES[name]
    learned = {column.domain.training_set for column in table.columns}
    measured = {column.dataset for column in table.columns}
    return PaperPlan(
        table=table,
        folder=folder,
        options={"model": "simulated", **options},
        attempts=k,
        training_sets={name: DataSet(name, problems(name), "math") for name in learned},
        evaluation_sets={name: DataSet(name, problems(name), "math") for name in measured},
    )


def learning(name: str, table: str, **options: Any) -> Learning:
    return {found.name: found for found in plan(table, **options).learnings()}[name]


def measurement(found: PaperPlan, method: str, dataset: str) -> Measurement:
    every = {(m.method.name, m.data.name): m for m in found.measurements()}
    return every[method, dataset]


def evaluation(*missing: str | None, undecided: str | None = None) -> Evaluation:
    """Measure an attempt at each of a data set's problems, missing for these reasons."""
    groups: list[Group] = [
        {
            "problem": f"{n}",
            "attempts": [attempt(None if reason or undecided else 1.0, reason, undecided)],
            "contrast": False,
            "reasoning": "",
            "proposals": [],
            "rejected": [],
            "failure": None,
            "usage": {},
        }
        for n, reason in enumerate(missing)
    ]
    return measure_evaluation(groups, 1, {})


def attempt(reward: float | None, missing: str | None, undecided: str | None = None) -> Attempt:
    return {
        "id": "",
        "reward": reward,
        "verdict": "undecided" if missing and "undecided" in missing else None,
        "extracted": "",
        "missing": missing,
        "undecided": undecided,
        "tool_calls": 0,
        "turns": 1,
        "seconds": 1.0,
    }


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("table1", ["math-direct-learned", "math-learned"]),
        ("table2", ["math-learned", "math-generated", "math-withheld", "math-alone"]),
        ("table3", ["math-learned"]),
        ("table4", ["web-learned"]),
        ("table5", ["web-short-learned", "web-short-generated", "web-short-withheld"]),
        ("table6", ["math-learned", "web-learned"]),
        ("deepsearch", ["web-learned"]),
        ("single-run", ["math-learned"]),
    ],
)
def test_what_tables_have_in_common_is_learned_in_one_place(table: str, names: list[str]) -> None:
    assert [found.name for found in plan(table).learnings()] == names


def test_every_method_is_measured_once_on_every_data_set() -> None:
    found = [(m.method.name, m.data.name) for m in plan("table5").measurements()]
    assert found == [(m.name, "webwalkerqa-51") for m in TABLES["table5"].methods]


@pytest.mark.parametrize(
    ("name", "table", "setting", "value"),
    [
        ("math-learned", "table2", "tools", "python"),
        ("math-direct-learned", "table1", "tools", "none"),
        ("web-learned", "table6", "tools", "search,pages"),
        ("math-generated", "table2", "directly_generated", True),
        ("math-generated", "table2", "epochs", 1),
        ("math-withheld", "table2", "ground_truth", "withheld"),
        ("math-alone", "table2", "group_size", 1),
        ("math-learned", "table2", "group_size", 5),
        ("web-learned", "table4", "group_size", 3),
        ("web-short-learned", "table5", "epochs", 2),
    ],
)
def test_a_library_is_learned_as_its_arm_says(
    name: str, table: str, setting: str, value: object
) -> None:
    assert getattr(learning(name, table).settings, setting) == value


def test_the_users_settings_go_before_the_papers_but_not_before_what_makes_the_arm() -> None:
    assert learning("math-learned", "table2", group_size=2).settings.group_size == 2
    assert learning("math-alone", "table2", group_size=2).settings.group_size == 1


@pytest.mark.parametrize("name", ["tools", "directly_generated", "ground_truth", "attempts"])
def test_settings_that_make_the_arms_are_not_the_users_to_choose(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}.*the arms of table2 differ by it"):
        plan("table2", **dict[str, Any]({name: "none"}))


def test_a_table_waits_for_no_person() -> None:
    with pytest.raises(SettingsError, match="'review' is 'each_step'"):
        plan("table1", review="each_step")


def test_a_method_without_tools_has_none_when_it_is_measured() -> None:
    assert measurement(plan("table1"), "Direct", "aime24").settings.tools == "none"
    assert measurement(plan("table1"), "ReAct", "aime24").settings.tools == "python"


@pytest.mark.parametrize(("k", "attempts"), [(None, [32, 32, 1]), (4, [4, 4, 4])])
def test_problems_are_attempted_as_often_as_published_unless_k_says_otherwise(
    k: int | None, attempts: list[int]
) -> None:
    assert [m.settings.attempts for m in plan("table6", k=k).measurements()] == 2 * attempts


def test_of_directly_generated_lessons_as_many_count_as_were_learned(tmp_path: Path) -> None:
    found = {each.name: each for each in plan("table2", tmp_path).learnings()}
    for name, count in ("math-learned", 2), ("math-generated", 3):
        lessons = parse_lessons("\n".join(f"[G{n}] Lesson {n}." for n in range(count)))
        save_library(lessons, tmp_path / "learned" / name / "library.json")
    kept = active_experiences(found["math-generated"].read_library())
    assert [lesson["id"] for lesson in kept] == ["G0", "G1"]


def test_a_result_is_kept_for_the_tables_that_share_it(tmp_path: Path) -> None:
    measurement(plan("table1", tmp_path), "ReAct", "aime24").keep(evaluation(None, None))
    assert measurement(plan("table3", tmp_path), "ReAct", "aime24").finished


@pytest.mark.parametrize(
    ("method", "changes"),
    [
        ("Direct", {}),
        ("ReAct", {"k": 2}),
        ("ReAct", {"evaluation_temperature": 0.0}),
        ("ReAct", {"model": "recorded:answers.jsonl"}),
    ],
)
def test_a_result_is_not_taken_for_another(
    tmp_path: Path, method: str, changes: dict[str, Any]
) -> None:
    measurement(plan("table1", tmp_path), "ReAct", "aime24").keep(evaluation(None, None))
    assert measurement(plan("table1", tmp_path, **changes), method, "aime24").result is None


def test_an_attempt_that_an_outage_has_cost_is_left_to_be_made(tmp_path: Path) -> None:
    found = measurement(plan("table4", tmp_path), "ReAct", "webwalkerqa")
    found.keep(evaluation(None, "an outage"))
    assert [problem["id"] for problem in found.left] == ["1"]
    assert not found.finished


def test_an_attempt_that_the_grader_left_undecided_is_not_made_again(tmp_path: Path) -> None:
    found = measurement(plan("table4", tmp_path), "ReAct", "webwalkerqa")
    found.keep(evaluation(None, None, undecided="words cannot tell"))
    assert found.finished


def test_of_an_evaluation_not_yet_made_all_attempts_are_left(tmp_path: Path) -> None:
    assert len(measurement(plan("table5", tmp_path), "ReAct", "webwalkerqa-51").left) == 2 * 3


def test_what_words_leave_open_is_for_the_judge_named_or_not() -> None:
    found = plan("deepsearch", reflection_model="openai:reflecting")
    sets = {name: replace(data, grader="qa") for name, data in found.evaluation_sets.items()}
    found = replace(found, evaluation_sets=sets)
    assert measurement(found, "ReAct", "popqa").settings.judge_model == "openai:reflecting"
    found = replace(found, options={**found.options, "judge_model": "openai:judging"})
    assert measurement(found, "ReAct", "popqa").settings.judge_model == "openai:judging"
    assert measurement(plan("table1"), "ReAct", "aime24").settings.judge_model is None


def test_a_library_is_not_measured_on_what_it_learned_from() -> None:
    found = plan("table3")
    data = DataSet("mine", problems("aime25"), "math")
    with pytest.raises(DatasetError, match=r"aime25: 2 of 2 problems were trained on in mine"):
        replace(found, training_sets={"dapo-100": data}).check_overlap()


def test_the_model_is_always_said_beside_the_published_ones() -> None:
    said = list(differences(plan("table1"), None))
    assert said[0].startswith("model: simulated; published: DeepSeek-V3.1-Terminus, ")


def test_with_a_limit_nothing_can_be_compared() -> None:
    assert any("cannot be compared" in line for line in differences(plan("table1"), 5))
    assert not any("cannot be compared" in line for line in differences(plan("table1"), None))


def test_another_training_set_is_said() -> None:
    mine = DataSet("mine.jsonl", problems("mine"), "math")
    said = list(differences(replace(plan("table1"), training_sets={"dapo-100": mine}), None))
    assert "learned from mine.jsonl, 2 problems, in place of dapo-100" in said


def test_another_number_of_attempts_is_said() -> None:
    said = list(differences(plan("table1", k=8), None))
    assert "aime24: 8 attempts at each problem; published: 32" in said


def test_settings_are_said_that_differ_from_the_published_ones() -> None:
    said = list(differences(plan("table1", temperature=1.0, group_size=5), None))
    assert "math, setting temperature: 1.0 in place of 0.7" in said
    assert not any("group_size" in line for line in said)
