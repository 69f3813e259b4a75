"""The loop against a real endpoint: opt in with TFGRPO_REAL_MODEL=http://127.0.0.1:8080/v1."""

import json
import os
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pytest_socket import socket_allow_hosts
from typer.testing import CliRunner

from training_free_grpo.cli import main
from training_free_grpo.records import JSON

URL = os.environ.get("TFGRPO_REAL_MODEL", "")
PROBLEMS = [
    {"id": "pens", "problem": "A pen costs $3. How many dollars do 4 pens cost?", "answer": "12"},
    {"id": "bus", "problem": "17 of 41 seats are taken. How many are free?", "answer": "24"},
]
ATTEMPTS = 2

pytestmark = pytest.mark.skipif(not URL, reason="TFGRPO_REAL_MODEL names no endpoint")


@pytest.fixture(autouse=True)
def endpoint_is_reachable() -> None:
    socket_allow_hosts(["127.0.0.1", "localhost", urlsplit(URL).hostname or ""])


def served_model() -> str:
    with urllib.request.urlopen(f"{URL}/models", timeout=60) as answer:
        return str(json.load(answer)["data"][0]["id"])


def run(*command: str) -> JSON:
    model = os.environ.get("TFGRPO_REAL_MODEL_NAME") or served_model()
    options = ["--model", f"openai:{model}", "--base-url", URL, "--concurrency", "4", "--json"]
    limits = {"tools": "none", "max_output_tokens": 400, "max_retries": 2, "call_timeout": 3600}
    options += [part for key, value in limits.items() for part in ("--set", f"{key}={value}")]
    done = CliRunner().invoke(main, [*command, *options])
    assert done.exit_code == 0, done.output
    found: JSON = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def test_the_loop_runs_against_a_real_endpoint_and_continues_for_free(tmp_path: Path) -> None:
    data = tmp_path / "problems.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in PROBLEMS), "utf-8")
    runs = ["--runs-dir", str(tmp_path)]
    sizes = ["--epochs", "1", "--batch-size", "2", "--group-size", str(ATTEMPTS)]
    train = ["train", str(data), "--run", "real", *sizes, *runs]
    trained = run(*train)
    [step] = trained["metrics"]
    missing = sum(step["missing"].values())
    assert step["rollouts"] == ATTEMPTS * len(PROBLEMS)
    assert missing < step["rollouts"], step["missing"]
    assert trained["usage"]["total"]["calls"] >= step["rollouts"] - missing
    assert run(*train)["usage"] == trained["usage"]
    measured = run("evaluate", str(data), "--run", "measured", "--k", "1", "--allow-overlap", *runs)
    [figures] = measured["evaluations"].values()
    assert figures["problems"] == len(PROBLEMS)
