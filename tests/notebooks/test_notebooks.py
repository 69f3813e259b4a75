"""Every notebook runs from its first cell to its last, and shows what it kept."""

import re
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell

from tests.notebooks.execute import FOLDER, NOTEBOOKS, execute, read

MOST_CELLS = 14
STRICT = "import warnings; warnings.simplefilter('error')"
WALL = re.compile(r"(?<=→ error )\w+Error: .*")
"""Which wall a program runs into differs between machines."""


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: Any) -> tuple[str, int]:
    """Return the text that a cell shows, and how many pictures."""
    texts = [out.get("text") or out.data.get("text/plain", "") for out in cell.outputs]
    return WALL.sub("…", "".join(texts)), sum(
        "image/png" in out.get("data", {}) for out in cell.outputs
    )


def test_there_are_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "01_quickstart",
        "02_your_own_agent",
        "03_the_tools_alone",
        "04_read_a_run",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_without_a_warning_and_shows_what_it_kept(path: Path, tmp_path: Path) -> None:
    kept, notebook = read(path), read(path)
    # Not by PYTHONWARNINGS: the kernel's own start has warnings on newer Pythons.
    notebook.cells.insert(0, new_code_cell(STRICT))  # type: ignore[no-untyped-call]
    execute(notebook, tmp_path)
    ran = code_cells(notebook)[1:]
    assert not [out for cell in ran for out in cell.outputs if out.get("name") == "stderr"]
    # What differs is written anew by `python -m tests.notebooks.execute`.
    assert [shown(cell) for cell in ran] == [shown(cell) for cell in code_cells(kept)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_short_and_prose_stands_ahead_of_the_code(path: Path) -> None:
    kinds = [cell.cell_type for cell in read(path).cells]
    assert len(kinds) <= MOST_CELLS
    assert kinds[0] == "markdown"
    assert kinds.count("markdown") >= kinds.count("code")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_names_no_place_on_the_machine_that_ran_it(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not [place for place in ("/tmp/", "/home/", str(path.parent)) if place in text]


def test_answer_that_the_own_agent_is_shown_with_is_the_accepted_one() -> None:
    said, _ = shown(code_cells(read(FOLDER / "02_your_own_agent.ipynb"))[-1])
    accepted = re.search(r"accepted: (\d+);", said)
    assert accepted
    assert rf"\boxed{{{accepted[1]}}}" in said
