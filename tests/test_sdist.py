"""The source distribution: it has all that it takes to build, test and document the package."""

import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("benchmarks", "docs", "examples", "graphs", "notebooks", "prompts", "tests", "tools")
FILES = ("CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "constraints.txt", "mkdocs.yml")
BUILD = [sys.executable, "-m", "build", "--no-isolation", "--outdir"]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    command = [*BUILD, str(folder), "--sdist", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    (found,) = (path for path in folder.iterdir() if path.is_dir())
    return found


def listed(root: Path, folder: str) -> set[str]:
    """Return the files that git knows, or that an archive holds, without what tests leave."""
    return {
        str(path.relative_to(root))
        for path in (root / folder).rglob("*")
        if path.suffix in (".py", ".md", ".ipynb", ".jsonl")
        and ".ipynb_checkpoints" not in path.parts
    }


def test_it_has_the_tests_the_docs_and_the_constraints(unpacked: Path) -> None:
    for folder in FOLDERS:
        assert listed(unpacked, folder) == listed(ROOT, folder), folder
    assert not [name for name in FILES if not (unpacked / name).exists()]


def test_a_wheel_made_of_it_is_whole(unpacked: Path, tmp_path: Path) -> None:
    command = [*BUILD, str(tmp_path), "--wheel", str(unpacked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = listed(ROOT, "training_free_grpo")
    assert not [name for name in package if name not in names and "/." not in name]
    for folder in ("graphs", "tools", "prompts"):
        assert {f"training_free_grpo/{name}" for name in listed(ROOT, folder)} <= names
