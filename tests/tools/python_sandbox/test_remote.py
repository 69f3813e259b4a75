"""A remote sandbox against a real server that runs the programs in a sandbox of its own."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from training_free_grpo.tools.python_sandbox import (
    PythonSandbox,
    RemoteSandbox,
    SandboxError,
    make_python_tool,
)

WORDS = {"ok": "Finished", "error": "Finished", "timeout": "TimeLimitExceeded"}


class Handler(BaseHTTPRequestHandler):
    sandbox: PythonSandbox
    answers: list[tuple[int, bytes]]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert (self.path, asked["language"]) == ("/run_code", "python")
        code, body = self.answers.pop() if self.answers else (200, self.run(asked))
        self.send_response(code)
        self.end_headers()
        self.wfile.write(body)

    def run(self, asked: dict[str, Any]) -> bytes:
        ran = self.sandbox.run(asked["code"], timeout=asked["run_timeout"])
        result = {
            "status": WORDS[ran.status],
            "execution_time": ran.seconds,
            "return_code": None if ran.status == "timeout" else ran.exit_code,
            "stdout": ran.stdout,
            "stderr": ran.stderr,
        }
        verdict = "Success" if ran.status == "ok" else "Failed"
        return json.dumps({"status": verdict, "message": "", "run_result": result}).encode()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with PythonSandbox(preimport=(), warm_up="") as sandbox:
        Handler.sandbox, Handler.answers = sandbox, []
        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
            threading.Thread(target=http.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{http.server_port}/"
            http.shutdown()


@pytest.mark.parametrize(
    ("code", "status", "stdout"),
    [
        ("```python\nprint(6 * 7)\n```", "ok", "42\n"),
        ("1 / 0", "error", ""),
        ("print('half', flush=True)\nwhile True: pass", "timeout", "half\n"),
        ("print('x' * 1000)", "ok", "x" * 50 + "\n[… 901 characters cut …]\n" + "x" * 49 + "\n"),
    ],
    ids=["value", "exception", "endless", "long"],
)
async def test_a_program_runs_on_the_server(
    server: str, code: str, status: str, stdout: str
) -> None:
    sandbox = RemoteSandbox(server, timeout=1, output_chars=100)
    for result in (sandbox.run(code), await sandbox.arun(code)):
        assert (result.status, result.stdout, result.isolation) == (status, stdout, "remote")


def test_the_tool_takes_it(server: str) -> None:
    assert make_python_tool(sandbox=RemoteSandbox(server).start()).invoke({"code": "6 * 7"}) == "42"


def test_sessions_are_refused(server: str) -> None:
    with pytest.raises(ValueError, match="needs a PythonSandbox"):
        make_python_tool(scope="thread", sandbox=RemoteSandbox(server))


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"broken"),
        (200, b"not json"),
        (200, b"{}"),
        (200, b'{"status": "SandboxError", "message": "no room", "run_result": null}'),
        (200, b'{"status": "Success", "run_result": {"status": "Unheard of"}}'),
    ],
    ids=["500", "no JSON", "empty", "its own error", "unknown status"],
)
def test_a_server_that_fails_is_no_fault_of_the_program(
    server: str, answer: tuple[int, bytes]
) -> None:
    Handler.answers = [answer]
    with pytest.raises(SandboxError, match=r"http://127\.0\.0\.1:\d+ gave no answer"):
        RemoteSandbox(server).run("1")


async def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(SandboxError, match="gave no answer"):
        RemoteSandbox("http://127.0.0.1:9").start()
    with pytest.raises(SandboxError, match="gave no answer"):
        await RemoteSandbox("http://127.0.0.1:9").arun("1")
