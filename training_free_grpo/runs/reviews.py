"""Review requests and decisions in the folder of a run: a file per step."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training_free_grpo.records import JSON
from training_free_grpo.runs.folder import RunError
from training_free_grpo.storage.files import write_atomically

FOLDER = "reviews"


def keep_request(run: Path, request: JSON) -> Any:
    """Save a review request; return the answer, if there is one already.

    The answer to another plan does not count: its numbers mean other operations.
    """
    with _locked(run):
        kept = _read(_file(run, request["step"]))
        if kept is None or kept["request"] != request:
            kept = {"request": request, "answer": None}
            _write(run, kept)
    return kept["answer"]


def keep_answer(run: Path, request: JSON, answer: Any) -> None:
    """Save the decisions on a request; raise RunError if it is already decided."""
    with _locked(run):
        if _read(_file(run, request["step"])) != {"request": request, "answer": None}:
            raise RunError(
                f"step {request['step']} of {run} has been decided in the meantime: "
                f"tfgrpo status {run}"
            )
        _write(run, {"request": request, "answer": answer})


def take_back(run: Path, request: JSON) -> None:
    """Reopen a request whose answer cannot be applied."""
    with _locked(run):
        _write(run, {"request": request, "answer": None})


def read_pending(run: Path) -> JSON | None:
    """Return the pending request, or None."""
    files = sorted((run / FOLDER).glob("step-*.json"))
    kept = _read(files[-1]) if files else None
    return kept["request"] if kept and kept["answer"] is None else None


@contextmanager
def _locked(run: Path) -> Iterator[None]:
    """Hold the reviews of a run for this process."""
    (run / FOLDER).mkdir(parents=True, exist_ok=True)
    with (run / FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _file(run: Path, step: int) -> Path:
    return run / FOLDER / f"step-{step:04}.json"


def _read(file: Path) -> JSON | None:
    if not file.exists():
        return None
    try:
        kept: JSON = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise RunError(f"{file} is damaged: {error}. Delete it to be asked again") from None
    return kept


def _write(run: Path, kept: JSON) -> None:
    text = json.dumps(kept, ensure_ascii=False, indent=2)
    write_atomically(_file(run, kept["request"]["step"]), text + "\n")
