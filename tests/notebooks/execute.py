"""Run notebooks as a reader would: `python -m tests.notebooks.execute` keeps what they show."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def read(path: Path) -> Any:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def execute(notebook: Any, folder: Path) -> None:
    """Run a notebook in a folder, without keys."""
    known = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=known)


def main() -> None:
    """Run every notebook in an empty folder, and keep what it shows."""
    for path in NOTEBOOKS:
        notebook = read(path)
        info = notebook.metadata["language_info"].copy()
        with TemporaryDirectory() as folder:
            execute(notebook, Path(folder))
        notebook.metadata["language_info"] = info  # the version of this Python is nobody's concern
        nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
