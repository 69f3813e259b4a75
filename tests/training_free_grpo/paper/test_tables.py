"""The published tables as data."""

import pytest

from training_free_grpo.datasets import NAMED
from training_free_grpo.paper.tables import MATH, TABLES, WEB, WEB_SHORT, Table

EVERY = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


def test_there_are_six_tables_and_two_that_others_have_measured() -> None:
    assert list(TABLES) == [*(f"table{n}" for n in range(1, 7)), "deepsearch", "single-run"]


@EVERY
def test_every_published_row_has_a_figure_for_every_column(table: Table) -> None:
    assert {len(row.figures) for row in table.published} == {len(table.columns) + table.average}


@EVERY
def test_every_data_set_has_a_name_that_load_problems_knows(table: Table) -> None:
    names = {name for c in table.columns for name in (c.dataset, c.domain.training_set)}
    assert names <= NAMED.keys()


@EVERY
def test_every_method_is_compared_with_one_of_the_same_table(table: Table) -> None:
    names = [method.name for method in table.methods]
    assert {method.base for method in table.methods if method.base} <= set(names)
    assert all(method.base for method in table.methods if method.lessons)


@EVERY
def test_what_is_best_known_of_the_method_was_published_under_our_name_for_it(table: Table) -> None:
    assert "ReAct + TF-GRPO" in {row.method for row in table.published}
    assert "ReAct + TF-GRPO" in {method.name for method in table.methods}


@pytest.mark.parametrize("name", ["table1", "table2", "table5"])
def test_every_published_row_of_an_ablation_has_an_arm_of_ours(name: str) -> None:
    table = TABLES[name]
    assert {row.method for row in table.published} == {method.name for method in table.methods}


@pytest.mark.parametrize(
    ("table", "method", "model", "figures"),
    [
        ("table1", "Direct", "DeepSeek-V3.1-Terminus", (68.6, 52.9)),
        ("table1", "Direct + TF-GRPO", "DeepSeek-V3.1-Terminus", (72.6, 54.0)),
        ("table1", "ReAct + TF-GRPO", "DeepSeek-V3.2-Exp", (73.1, 63.2)),
        ("table2", "ReAct + directly generated lessons", "DeepSeek-V3.1-Terminus", (79.8, 67.3)),
        ("table2", "ReAct + TF-GRPO, group of one", "DeepSeek-V3.1-Terminus", (80.4, 69.3)),
        ("table3", "AFM", "Qwen2.5-32B", (66.7, 59.8)),
        ("table3", "ReAct + TF-GRPO", "Qwen3-32B, not thinking", (33.5, 25.4)),
        ("table4", "ReAct + TF-GRPO", "DeepSeek-V3.1-Terminus", (67.8,)),
        ("table5", "ReAct + TF-GRPO", "QwQ-32B", (25.5, 45.1)),
        ("table6", "MiroThinker, trained on the web", "Qwen3-32B", (43.5, 36.8, 53.6)),
        ("deepsearch", "ReAct + TF-GRPO", "not told", (68.0, 76.0, 46.0, 44.0, 49.0)),
        ("single-run", "ReAct + TF-GRPO", "not told", (None, 53.0, 21.69, 80.0)),
    ],
)
def test_figures_are_those_that_were_published(
    table: str, method: str, model: str, figures: tuple[float, ...]
) -> None:
    rows = {(row.method, row.model): row.figures for row in TABLES[table].published}
    assert rows[method, model] == figures


def test_domains_learn_as_the_paper_did() -> None:
    learned = [(d.training_set, d.settings["epochs"], d.settings["group_size"]) for d in DOMAINS]
    assert learned == [("dapo-100", 3, 5), ("afm-100", 3, 3), ("afm-100", 2, 3)]


DOMAINS = (MATH, WEB, WEB_SHORT)
