"""A user's script runs, and type checkers in their strict modes have nothing to say about it."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "tests" / "typed" / "user_script.py"


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_users_script_trains_resumes_measures_and_exports(tmp_path: Path) -> None:
    done = run(sys.executable, "-W", "error", SCRIPT, tmp_path)
    assert done.returncode == 0, done.stderr
    refused, counted, arms = done.stdout.splitlines()
    assert refused.startswith("refused: problems, row 1: no text under 'problem' or 'question'")
    assert counted.startswith("2 ")
    assert counted.endswith("True True # Lessons")
    assert arms == "['with library', 'without library'] ['with library', 'without library']"


def test_mypy_passes_a_users_script() -> None:
    done = run(sys.executable, "-m", "mypy", "--strict", SCRIPT)
    assert done.returncode == 0, done.stdout


def test_pyright_passes_a_users_script(tmp_path: Path) -> None:
    config = tmp_path / "pyrightconfig.json"
    config.write_text(
        json.dumps(
            {
                "include": [str(SCRIPT)],
                "extraPaths": [str(ROOT)],
                "typeCheckingMode": "strict",
                "reportMissingTypeStubs": False,
            }
        )
    )
    python = ["--pythonpath", sys.executable, "--level", "error"]
    done = run(sys.executable, "-m", "basedpyright", "--project", config, *python)
    assert done.returncode == 0, done.stdout
