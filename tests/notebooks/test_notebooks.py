"""Every notebook runs from its first cell to its last, as a reader would run it."""

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_CELLS = 12
STRICT = "import warnings; warnings.simplefilter('error')"


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def outputs(notebook: Any) -> str:
    """Return all that the cells printed."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return "".join(out.get("text", "") for cell in cells for out in cell.outputs)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Any]:
    """All notebooks, each run by a kernel of its own in an empty folder."""
    folder = str(tmp_path_factory.mktemp("notebooks"))
    found = {path: read(path) for path in NOTEBOOKS}
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.endswith("_API_KEY")]:
            patch.delenv(name)
        for notebook in found.values():
            # Not by PYTHONWARNINGS: the kernel's own start has warnings on newer Pythons.
            notebook.cells.insert(0, new_code_cell(STRICT))  # type: ignore[no-untyped-call]
            NotebookClient(
                notebook, kernel_name="python3", resources={"metadata": {"path": folder}}
            ).execute()
    return found


def test_there_are_notebooks() -> None:
    assert FOLDER / "quickstart.ipynb" in NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_without_an_error_or_a_word_on_stderr(path: Path, executed: Any) -> None:
    cells = [cell for cell in executed[path].cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    assert not [out for cell in cells for out in cell.outputs if out.get("name") == "stderr"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_kept_short_and_without_outputs(path: Path) -> None:
    cells = read(path).cells
    assert len(cells) <= MOST_CELLS
    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_prose_stands_ahead_of_the_code(path: Path) -> None:
    kinds = [cell.cell_type for cell in read(path).cells]
    assert kinds[0] == "markdown"
    assert kinds.count("markdown") >= kinds.count("code")


def test_quickstart_shows_an_agent_that_learned(executed: Any) -> None:
    said = outputs(executed[FOLDER / "quickstart.ipynb"])
    assert "[G0]" in said
    assert "before step 3" in said
    assert "Following [G" in said
