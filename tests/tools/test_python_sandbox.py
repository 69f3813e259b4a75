import asyncio
import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import ToolCall

from training_free_grpo.tools.python_sandbox import PythonSandbox, Result, make_python_tool

ENDLESS = "while True: pass"


@pytest.fixture(scope="module")
def sandbox() -> PythonSandbox:
    return PythonSandbox(timeout=20)


@pytest.fixture(scope="module")
def hasty() -> PythonSandbox:
    return PythonSandbox(timeout=1)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the working folders of this test are made."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def wait_for_end(pid: int) -> None:
    """Return when the process is gone or a zombie; a kill is not instant."""
    for _ in range(500):
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return
        if status.rpartition(")")[2].split()[0] in "ZX":
            return
        time.sleep(0.01)
    pytest.fail(f"process {pid} is alive")


def test_print_is_returned(sandbox: PythonSandbox) -> None:
    result = sandbox.run("print('hello')")
    assert (result.status, result.stdout, result.stderr) == ("ok", "hello\n", "")
    assert (result.exit_code, result.truncated) == (0, False)


def test_a_last_expression_is_echoed(sandbox: PythonSandbox) -> None:
    assert sandbox.run("x = 'a'\nx * 3").stdout == "'aaa'\n"


def test_a_last_expression_of_none_is_silent(sandbox: PythonSandbox) -> None:
    assert sandbox.run("print(1)").stdout == "1\n"


@pytest.mark.parametrize(
    "code",
    ["```python\n6 * 7\n```", "```\n6 * 7\n```\n", "\n```py\n6 * 7", "6 * 7"],
    ids=["named", "unnamed", "open", "none"],
)
def test_code_fences_are_stripped(sandbox: PythonSandbox, code: str) -> None:
    assert sandbox.run(code).stdout == "42\n"


def test_fences_inside_the_code_stay(sandbox: PythonSandbox) -> None:
    assert sandbox.run("print('''\n```\n''')").stdout == "\n```\n\n"


def test_empty_code_is_fine(sandbox: PythonSandbox) -> None:
    assert sandbox.run("").status == "ok"


def test_an_exception_shows_the_lines_of_the_code_and_no_others(sandbox: PythonSandbox) -> None:
    result = sandbox.run("import json\ndef load():\n    return json.loads('{')\nload()")
    assert result.status == "error"
    assert "    return json.loads('{')" in result.stderr
    assert "JSONDecodeError: Expecting property name" in result.stderr
    assert set(re.findall(r'File "(.*?)"', result.stderr)) == {"<code>"}


def test_the_cause_of_an_exception_is_shown(sandbox: PythonSandbox) -> None:
    code = (
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('no') from error"
    )
    stderr = sandbox.run(code).stderr
    assert stderr.index("ZeroDivisionError") < stderr.index("ValueError: no")
    assert set(re.findall(r'File "(.*?)"', stderr)) == {"<code>"}


def test_a_failure_reads_the_same_every_time(sandbox: PythonSandbox) -> None:
    first, second = (sandbox.run("def f(n):\n    return f(n + 1)\nf(0)").stderr for _ in "ab")
    assert first == second
    assert "RecursionError" in first


def test_a_syntax_error_shows_its_place(sandbox: PythonSandbox) -> None:
    result = sandbox.run("x = 1\ny = = 2")
    assert result.status == "error"
    assert 'File "<code>", line 2' in result.stderr
    assert "SyntaxError" in result.stderr


@pytest.mark.parametrize("code", ["x = '\x00'", "x = '\ud800'", "(" * 2000], ids=ascii)
def test_text_that_is_no_program_is_no_exception(sandbox: PythonSandbox, code: str) -> None:
    assert sandbox.run(code).status in {"ok", "error"}


def test_the_exit_code_is_returned(sandbox: PythonSandbox) -> None:
    result = sandbox.run("import sys; sys.exit(3)")
    assert (result.status, result.exit_code) == ("error", 3)


def test_a_crash_ends_only_the_run(sandbox: PythonSandbox) -> None:
    result = sandbox.run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert (result.status, result.exit_code) == ("error", -11)


def test_standard_input_is_empty(sandbox: PythonSandbox) -> None:
    assert "EOFError" in sandbox.run("input()").stderr


def test_classes_of_the_code_can_be_pickled(sandbox: PythonSandbox) -> None:
    code = """
        import pickle
        from dataclasses import dataclass
        @dataclass
        class Point:
            x: int
        pickle.loads(pickle.dumps(Point(3)))
    """
    dedented = "\n".join(line[8:] for line in code.splitlines())
    assert sandbox.run(dedented).stdout == "Point(x=3)\n"


def test_nothing_is_kept_between_calls(sandbox: PythonSandbox) -> None:
    sandbox.run("x = 1; open('left.txt', 'w').close()")
    assert "NameError" in sandbox.run("x").stderr
    assert sandbox.run("import os; os.listdir()").stdout == "[]\n"


def test_the_environment_is_not_visible(
    sandbox: PythonSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123")
    code = "import os\nprint(dict(os.environ), open('/proc/self/environ').read())"
    result = sandbox.run(code)
    assert result.status == "ok"
    assert "secret" not in result.stdout


def test_open_files_are_not_inherited(sandbox: PythonSandbox, tmp_path: Path) -> None:
    code = "import os\nsorted(map(int, os.listdir('/proc/self/fd')))"
    with open(tmp_path / "key", "w") as key:
        os.set_inheritable(key.fileno(), True)
        # The fourth is the listing itself.
        assert sandbox.run(code).stdout == "[0, 1, 2, 3]\n"


def test_home_and_temporary_files_are_in_the_working_folder(
    sandbox: PythonSandbox, folders: Path
) -> None:
    code = "import os, tempfile\nfor p in (os.getcwd(), os.path.expanduser('~')): print(p)\n"
    paths = sandbox.run(code + "print(tempfile.gettempdir())").stdout.split()
    assert len(paths) == 3
    assert {Path(path).parent for path in paths} == {folders}
    assert len(set(paths)) == 1


@pytest.mark.parametrize(
    "code",
    [
        "open('file', 'w').write('x')",
        "import os\nfor _ in range(2000): os.mkdir('d'); os.chdir('d')",
        "import os\nos.makedirs('a/b'); os.chmod('a/b', 0); os.chmod('a', 0)",
        "import os, shutil\nshutil.rmtree(os.getcwd())",
        ENDLESS,
    ],
    ids=["a file", "2000 levels", "locked", "removed already", "endless"],
)
def test_the_working_folder_is_removed(hasty: PythonSandbox, folders: Path, code: str) -> None:
    hasty.run(code)
    assert list(folders.iterdir()) == []


def test_an_endless_loop_dies_at_the_time_out(hasty: PythonSandbox) -> None:
    result = hasty.run(f"import os\nprint(os.getpid())\n{ENDLESS}")
    assert result.status == "timeout"
    wait_for_end(int(result.stdout))


def test_waiting_dies_at_the_time_out(hasty: PythonSandbox) -> None:
    assert hasty.run("import time; time.sleep(600)").status == "timeout"


def test_code_that_closes_its_output_dies_at_the_time_out(hasty: PythonSandbox) -> None:
    assert hasty.run(f"import os; os.close(1); os.close(2)\n{ENDLESS}").status == "timeout"


@pytest.mark.parametrize("after", ["pass", ENDLESS], ids=["at the end", "at the time-out"])
def test_a_grandchild_dies_with_the_code(hasty: PythonSandbox, after: str) -> None:
    inner = "import subprocess; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True)"
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {inner!r}])\n{after}"
    wait_for_end(int(hasty.run(code).stdout))


def test_a_stray_child_that_holds_the_output_does_not_delay_the_result(
    sandbox: PythonSandbox,
) -> None:
    stray = "os.setsid(); print(os.getpid(), flush=True); time.sleep(60); os._exit(0)"
    code = f"import os, time\nif os.fork() == 0: {stray}\ntime.sleep(0.5)"
    result = sandbox.run(code)
    assert result.status == "ok"
    os.kill(int(result.stdout), signal.SIGKILL)


@pytest.mark.parametrize(
    "code",
    ["b'x' * 10**11", "x = []\nwhile True: x.append(bytearray(10**6))"],
    ids=["at once", "bit by bit"],
)
def test_a_memory_bomb_ends_in_a_memory_error(code: str) -> None:
    result = PythonSandbox(timeout=20, memory_mb=256).run(code)
    assert result.status == "error"
    assert result.stderr.endswith("MemoryError\n")


def test_limits_are_hard(sandbox: PythonSandbox) -> None:
    code = "import resource\nresource.getrlimit(resource.RLIMIT_AS)"
    assert sandbox.run(code).stdout == f"({1024 << 20}, {1024 << 20})\n"


def test_a_file_cannot_grow_without_end(sandbox: PythonSandbox) -> None:
    assert "File too large" in sandbox.run("open('f', 'wb').write(bytes(10**8))").stderr


def test_long_output_is_cut_in_the_middle_with_a_count(sandbox: PythonSandbox) -> None:
    result = sandbox.run("print('a' * 5000 + 'b' * 5000 + 'c' * 4999)")
    assert result.truncated
    assert result.stdout == "a" * 4000 + "\n[… 7000 characters cut …]\n" + "c" * 3999 + "\n"


def test_an_output_flood_is_stopped(sandbox: PythonSandbox) -> None:
    result = sandbox.run("while True: print('x' * 100_000)")
    assert (result.status, result.truncated) == ("flood", True)
    assert len(result.stdout) < 8100


def test_output_that_is_no_text_is_no_exception(sandbox: PythonSandbox) -> None:
    assert sandbox.run(r"import os; os.write(1, b'a\xffb\n'); None").stdout == "a\ufffdb\n"


def test_output_before_the_time_out_is_kept(hasty: PythonSandbox) -> None:
    assert hasty.run(f"print('half-way')\n{ENDLESS}").stdout == "half-way\n"


def test_twenty_runs_at_once_get_their_own_outputs(sandbox: PythonSandbox) -> None:
    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda n: sandbox.run(f"print({n})").stdout, range(20)))
    assert results == [f"{n}\n" for n in range(20)]


async def test_async_runs_get_their_own_outputs(sandbox: PythonSandbox) -> None:
    results = await asyncio.gather(*(sandbox.arun(f"print({n})") for n in range(20)))
    assert [result.stdout for result in results] == [f"{n}\n" for n in range(20)]


async def test_the_event_loop_goes_on_during_a_run(sandbox: PythonSandbox, tmp_path: Path) -> None:
    go_on = tmp_path / "go on"
    code = f"import os, time\nwhile not os.path.exists({str(go_on)!r}): time.sleep(0.01)"
    task = asyncio.create_task(sandbox.arun(code))
    await asyncio.sleep(0)
    go_on.touch()
    assert (await task).status == "ok"


def test_event_loops_of_several_threads_share_a_sandbox(sandbox: PythonSandbox) -> None:
    results: dict[int, Result] = {}

    def work(n: int) -> None:
        results[n] = asyncio.run(sandbox.arun(f"print({n})"))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {n: result.stdout for n, result in results.items()} == {n: f"{n}\n" for n in range(4)}


async def test_sync_runs_work_inside_a_running_loop(sandbox: PythonSandbox) -> None:
    assert sandbox.run("1").stdout == "1\n"


@pytest.mark.parametrize("options", [{"timeout": 0}, {"memory_mb": 0}, {"output_chars": 1}])
def test_senseless_limits_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        PythonSandbox(**options)


def test_the_tool_returns_text_and_the_result() -> None:
    call = ToolCall(name="run_python", args={"code": "6 * 7"}, id="1", type="tool_call")
    message = make_python_tool().invoke(call)
    assert message.content == "42"
    assert message.artifact["status"] == "ok"
    assert message.artifact["stdout"] == "42\n"


async def test_the_tool_works_async() -> None:
    assert await make_python_tool().ainvoke({"code": "6 * 7"}) == "42"


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("x = 1", "printed nothing"),
        (f"print('half')\n{ENDLESS}", "half\nStopped at the limit of 1 seconds"),
        ("while True: print('x' * 100_000)", "characters of output"),
        ("import sys; sys.exit(3)", "exited with code 3"),
        ("import os; os.kill(os.getpid(), 9)", "ended by signal 9"),
        ("import os; os.kill(os.getpid(), 40)", "ended by signal 40"),
    ],
)
def test_the_tool_tells_the_model_what_happened(code: str, answer: str) -> None:
    assert answer in make_python_tool(timeout=1).invoke({"code": code})


def test_bad_arguments_get_an_answer() -> None:
    assert "one argument, `code`" in make_python_tool().invoke({"program": "1"})


def test_the_description_tells_the_limits() -> None:
    description = make_python_tool(timeout=7, memory_mb=300).description
    assert "7 seconds" in description
    assert "300 MB" in description


def test_an_unknown_scope_is_refused() -> None:
    with pytest.raises(ValueError, match="scope"):
        make_python_tool(scope="thread")  # type: ignore[arg-type]
