"""`tfgrpo review` on a real terminal: what is typed, pasted and interrupted there."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.job import START, Job, new_server
from training_free_grpo.cli import main

ASKED = "[a/e/r, ? for help] "
INTERRUPT, END_OF_FILE = "\x03", "\x04"


class Talk:
    """A command on a terminal of its own, and what it has said there so far."""

    def __init__(self, *words: str, start: Sequence[str] = START) -> None:
        self._ours, theirs = pty.openpty()
        environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
        self._process = subprocess.Popen(
            [*start, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
            preexec_fn=take_terminal,
        )
        os.close(theirs)
        self.said = ""
        self._heard = 0

    def until(self, text: str) -> str:
        """Read until a text is said that was not waited for yet; return what is said up to it."""
        while (found := self.said.find(text, self._heard)) < 0:
            self._read()
        start, self._heard = self._heard, found + len(text)
        return self.said[start : self._heard]

    def type(self, text: str) -> None:
        """Type or paste."""
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Read to the end, and return the exit code."""
        try:
            while True:
                self._read()
        except OSError:  # so Linux tells that the other side has gone
            os.close(self._ours)
            return self._process.wait()

    def _read(self) -> None:
        self.said += re.sub(r"\x1b\[\?2004[hl]|\r", "", os.read(self._ours, 4096).decode())


INTERRUPTED_AS_IT_ASKS = """
import functools, os, readline, signal, sys
from training_free_grpo.cli.{module} import {function}

# Sent when the question is shown, and nothing waits for input yet. What raises is dropped there.
readline.set_pre_input_hook(functools.partial(os.killpg, os.getpgid(0), signal.SIGINT))
try:
    {call}
except {error}:
    print("it was interrupted")
"""


def take_terminal() -> None:
    """Make the terminal the one that keys interrupt this process from."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """A run that waits with a plan of two operations."""
    with new_server(tool_share=0.0) as server:
        server.right = lambda problem, n: n % 2 == 0
        found = Job(tmp_path, server, options=("--review", "--limit", "4", "--batch-size", "2"))
        assert found.here().exit_code == 0
        yield found


def answer(job: Job) -> Any:
    return json.loads((job.path / "reviews" / "step-0001.json").read_text())["answer"]


def test_lines_that_are_pasted_at_once_decide_one_operation_at_most(job: Job) -> None:
    talk = Talk("review", str(job.path))
    talk.until(ASKED)
    talk.type("a\na\ny\ny\n")
    talk.until("[2 of 2]")
    talk.until(ASKED)
    talk.type("q\n")
    assert talk.end() == 0
    assert "no decision was saved" in talk.said
    assert answer(job) is None


def test_the_old_words_stand_there_to_be_edited(job: Job) -> None:
    shown = json.loads(CliRunner().invoke(main, ["review", str(job.path), "--json"]).stdout)
    content = shown["operations"][0]["content"]
    talk = Talk("review", str(job.path))
    talk.until(ASKED)
    talk.type("e\n")
    talk.until(content)
    talk.type(" Indeed.\n")
    talk.until(ASKED)
    talk.type("a\n")
    talk.until("apply these decisions? ")
    talk.type("y\n")
    assert talk.end() == 0
    first, _ = answer(job)["decisions"]
    assert first["content"] == f"{content} Indeed."


@pytest.mark.parametrize(("key", "code"), [(INTERRUPT, 130), (END_OF_FILE, 0)])
def test_whoever_breaks_off_is_told_that_nothing_was_decided(job: Job, key: str, code: int) -> None:
    talk = Talk("review", str(job.path))
    talk.until(ASKED)
    talk.type("a\n")
    talk.until(ASKED)
    talk.type(key)
    assert talk.end() == code
    assert "no decision was saved: step 1 still waits" in talk.said
    assert "finished work is saved" not in talk.said
    assert answer(job) is None


@pytest.mark.parametrize(
    ("module", "function", "call", "error"),
    [
        ("dialogue", "ask", "ask('approve? ')", "KeyboardInterrupt"),
        ("dialogue", "ask", "ask('instead: ', 'the old words')", "KeyboardInterrupt"),
        ("paper", "confirm", "confirm()", "BaseException"),
    ],
    ids=["question", "edit", "confirmation"],
)
def test_ctrl_c_ends_a_question_that_does_not_wait_for_input_yet(
    module: str, function: str, call: str, error: str
) -> None:
    code = INTERRUPTED_AS_IT_ASKS.format(module=module, function=function, call=call, error=error)
    talk = Talk(start=[sys.executable, "-c", code])
    assert talk.end() == 0
    assert "it was interrupted" in talk.said
