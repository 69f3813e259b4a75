import asyncio
import os
import re
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.tools.python_sandbox.conftest import Isolation, open_sandbox
from training_free_grpo.tools.python_sandbox import PythonSandbox, Result, SandboxUnavailable

ENDLESS = "while True: pass"


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
    result = sandbox.run("import ctypes; ctypes.string_at(0)")
    assert (result.status, result.exit_code) == ("crash", -signal.SIGSEGV)
    assert sandbox.run("1").stdout == "1\n"


def test_standard_input_is_empty(sandbox: PythonSandbox) -> None:
    assert "EOFError" in sandbox.run("input()").stderr


def test_standard_input_can_be_given(sandbox: PythonSandbox) -> None:
    assert sandbox.run("print(input() + input())", stdin="a\nb\n").stdout == "ab\n"


def test_a_run_can_have_a_time_of_its_own(sandbox: PythonSandbox) -> None:
    assert sandbox.run(ENDLESS, timeout=0.2).status == "timeout"


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


def test_the_working_folder_is_home_and_takes_temporary_files(sandbox: PythonSandbox) -> None:
    code = "import os, tempfile\nprint(os.getcwd(), os.path.expanduser('~'), tempfile.gettempdir())"
    assert len(set(sandbox.run(code).stdout.split())) == 1


def test_processor_time_and_memory_are_measured(sandbox: PythonSandbox) -> None:
    lazy = sandbox.run("import time; time.sleep(0.3)")
    busy = sandbox.run("import time\nx = b'x' * 200_000_000\nwhile time.process_time() < 0.3: pass")
    assert lazy.seconds >= 0.3
    assert busy.cpu_seconds > lazy.cpu_seconds
    assert busy.peak_mb > 200


@pytest.mark.parametrize("package", ["numpy", "sympy", "langchain_core"])
def test_installed_packages_can_be_imported(sandbox: PythonSandbox, package: str) -> None:
    assert sandbox.run(f"import {package}; {package}.__name__").stdout == f"'{package}'\n"


def test_files_can_be_made_readable_wherever_they_are(isolation: Isolation, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "folder").mkdir()
    for name in ("table.csv", "folder/rows.csv"):
        (tmp_path / name).write_text("1,2")
    given = [str(tmp_path / "table.csv"), str(tmp_path / "folder")]
    with open_sandbox(isolation, readable=given) as sandbox:
        for name in ("table.csv", "folder/rows.csv"):
            assert sandbox.run(f"print(open({str(tmp_path / name)!r}).read())").stdout == "1,2\n"
        if isolation != "none":
            written = sandbox.run(f"open({given[0]!r}, 'w').write('3')")
            assert written.status == "error"


def test_random_numbers_differ_from_run_to_run(sandbox: PythonSandbox) -> None:
    code = "import random, numpy\nprint(random.random(), numpy.random.rand())"
    first, second = (sandbox.run(code).stdout.split() for _ in "ab")
    assert not set(first) & set(second)


def test_sets_of_strings_have_the_same_order_every_time(isolation: Isolation) -> None:
    outputs = set()
    for _ in range(2):
        with open_sandbox(isolation, timeout=20) as sandbox:
            outputs.add(sandbox.run("print({*'abcdefgh'})").stdout)
    assert len(outputs) == 1


def test_an_endless_loop_dies_at_the_time_out(hasty: PythonSandbox) -> None:
    result = hasty.run(ENDLESS)
    assert (result.status, result.exit_code) == ("timeout", -signal.SIGKILL)


def test_waiting_dies_at_the_time_out(hasty: PythonSandbox) -> None:
    assert hasty.run("import time; time.sleep(600)").status == "timeout"


def test_code_that_closes_its_output_dies_at_the_time_out(hasty: PythonSandbox) -> None:
    assert hasty.run(f"import os; os.close(1); os.close(2)\n{ENDLESS}").status == "timeout"


@pytest.mark.parametrize(
    "code",
    ["b'x' * 10**11", "x = []\nwhile True: x.append(bytearray(10**6))"],
    ids=["at once", "bit by bit"],
)
def test_a_memory_bomb_ends_in_a_memory_error(sandbox: PythonSandbox, code: str) -> None:
    result = sandbox.run(code)
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


async def test_the_event_loop_continues_during_a_run(sandbox: PythonSandbox) -> None:
    task = asyncio.create_task(sandbox.arun("import time; time.sleep(0.3)"))
    beats = 0
    while not task.done():
        await asyncio.sleep(0.01)
        beats += 1
    assert beats > 5


async def test_a_cancelled_run_is_killed(isolation: Isolation) -> None:
    with open_sandbox(isolation, timeout=60) as sandbox:
        workers = os.cpu_count() or 1
        tasks = [asyncio.create_task(sandbox.arun(ENDLESS)) for _ in range(workers)]
        await asyncio.sleep(0.2)
        for task in tasks:
            task.cancel()
        # Each of them held a worker, which is free again long before the time-out.
        assert (await sandbox.arun("1")).stdout == "1\n"


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


def test_a_sandbox_can_be_closed_and_used_again(isolation: Isolation) -> None:
    sandbox = open_sandbox(isolation, timeout=20)
    sandbox.close()
    assert sandbox.run("1").stdout == "1\n"
    sandbox.close()


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": float("nan")},
        {"memory_mb": 1},
        {"output_chars": 1},
        {"disk_mb": 0},
        {"workers": 0},
    ],
    ids=str,
)
def test_senseless_limits_are_refused(options: dict[str, Any]) -> None:
    name, value = next(iter(options.items()))
    with pytest.raises(ValueError, match=f"{name} must be at least .*, not {value}"):
        PythonSandbox(**options)


def test_unknown_walls_are_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"one of auto, .*, not 'docker'"):
        PythonSandbox(isolation="docker")  # type: ignore[arg-type]


def test_a_readable_path_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="readable names '/nowhere'"):
        PythonSandbox(readable=["/nowhere"])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it might be there")
def test_walls_that_this_machine_lacks_are_refused_and_nothing_weaker_is_taken() -> None:
    with pytest.raises(SandboxUnavailable, match=r"seatbelt: .*unsafe_local=True"):
        PythonSandbox(isolation="seatbelt").run("1")


def test_a_warm_up_that_fails_says_why() -> None:
    with pytest.raises(SandboxUnavailable, match="ZeroDivisionError"):
        PythonSandbox(preimport=(), warm_up="1 / 0").start()


def test_unsafe_local_warns() -> None:
    with pytest.warns(RuntimeWarning, match="ordinary child processes"):
        PythonSandbox(unsafe_local=True)


NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("\ufeffprint(1)", "1\n"),
        (f"for i in range(2):\n{NBSP * 4}print(i)", "0\n1\n"),
        (f"for i in range(2):\n{NBSP * 4}print(i)\n" * 80, "0\n1\n" * 80),
        (f"x{NBSP}= 1\nprint(x,\u200b 2)", "1 2\n"),
        ("print(5 − 3)\nprint('5 − 3')", "2\n5 − 3\n"),
        ("print(“it’s”, ‘b’)", "it’s b\n"),
        ("print（1，2）", "1 2\n"),
        ("```python\nx = 1\n```\nThen:\n```py\nprint(x)\n```", "1\n"),
        ("Here it is:\n```python\nprint(7)\n```\nIt prints\n```text\n7\n```", "7\n"),
        (">>> x = 3\n>>> x\n3\n>>> for i in range(2):\n...     print(i)\n...\n0\n1", "0\n1\n"),
        ("```pycon\n>>> print(5 − 3)\n2\n```", "2\n"),
    ],
    ids=ascii,
)
def test_code_runs_however_it_was_written_down(
    sandbox: PythonSandbox, code: str, printed: str
) -> None:
    result = sandbox.run(code)
    assert (result.stdout, result.stderr) == (printed, "")


@pytest.mark.parametrize("last", ["await double(21)", "x = await double(21)\nx"])
def test_code_may_await_at_the_top(sandbox: PythonSandbox, last: str) -> None:
    code = "import asyncio\nasync def double(n):\n    await asyncio.sleep(0)\n    return 2 * n\n"
    assert sandbox.run(code + last).stdout == "42\n"


def test_what_cannot_be_repaired_is_shown_as_it_came(sandbox: PythonSandbox) -> None:
    result = sandbox.run("x = 1 − 1\nprint(5 $ 3)")
    assert "print(5 $ 3)" in result.stderr or "invalid character '−' (U+2212)" in result.stderr
    assert result.status == "error"


def test_numbers_of_any_length_are_printed_and_read(sandbox: PythonSandbox) -> None:
    result = sandbox.run("print(len(str(10**20_000)), int('7' * 5_000) % 10)")
    assert result.stdout == "20001 7\n"


@pytest.mark.parametrize(
    "code",
    [
        "from multiprocessing import Pool\nwith Pool(2) as pool: print(pool.map(abs, [-1]))",
        "import multiprocessing as m\np = m.Process(target=print)\np.start()\np.join()",
        "from concurrent.futures import ProcessPoolExecutor\n"
        "with ProcessPoolExecutor() as pool: print(list(pool.map(abs, [-1])))",
        "import os\nos.fork()",
        "import subprocess\nsubprocess.run(['ls'])",
    ],
    ids=["pool", "process", "executor", "fork", "program"],
)
def test_starting_another_process_fails_with_an_explanation(
    sandbox: PythonSandbox, code: str
) -> None:
    if sandbox.run("1").isolation == "none":
        pytest.skip("without walls there are other processes")
    assert "This sandbox has one process and starts no other" in sandbox.run(code).stderr
