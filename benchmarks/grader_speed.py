"""The speed of the math grader against that of another revision, on the same rows in turn."""

import json
import statistics
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CHUNK = 50
# Runs in the folder of a revision: a line of rows in, a line of CPU seconds out.
WORKER = """
import json, sys, time
sys.path.insert(0, ".")
from training_free_grpo.graders import grade_math
for line in sys.stdin:
    seconds = []
    for response, gold in json.loads(line):
        started = time.process_time()
        grade_math(response, gold)
        seconds.append(time.process_time() - started)
    print(json.dumps(seconds), flush=True)
"""

Worker = subprocess.Popen[str]


def compare_speed(revision: str, files: list[list[dict[str, Any]]]) -> None:
    """Print how many times as many answers this grader grades a second as that of a revision."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", revision], cwd=ROOT, capture_output=True, check=True
        )
        with tarfile.open(fileobj=BytesIO(archive.stdout)) as content:
            content.extractall(folder, filter="data")
        workers = [start(Path(folder)), start(ROOT)]
        pairs = [pair for rows in files for pair in timed(workers, rows)]
        for worker in workers:
            worker.stdin.close()  # type: ignore[union-attr]
            worker.wait()
    median = statistics.median([then for then, _ in pairs]) / statistics.median(
        [now for _, now in pairs]
    )
    mean = sum(then for then, _ in pairs) / sum(now for _, now in pairs)
    print(
        f"Speed against {revision}, CPU time without the worker: median × {median:.2f}, mean × "
        f"{mean:.2f}"
    )


def start(folder: Path) -> Worker:
    """Start a process that grades with the code of a folder."""
    return subprocess.Popen(
        [sys.executable, "-c", WORKER],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def timed(workers: list[Worker], rows: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Grade rows in chunks, in turn by each worker, and pair the times of each row."""
    pairs: list[tuple[float, float]] = []
    for first in range(0, len(rows), CHUNK):
        chunk = [[row["response"], row["gold"]] for row in rows[first : first + CHUNK]]
        pairs += zip(*(asked(worker, chunk) for worker in workers), strict=True)
    return pairs


def asked(worker: Worker, chunk: list[list[str]]) -> list[float]:
    """Have a worker grade a chunk."""
    assert worker.stdin
    assert worker.stdout
    print(json.dumps(chunk), file=worker.stdin, flush=True)
    seconds: list[float] = json.loads(worker.stdout.readline())
    return seconds
