"""What is left of a sandbox: nothing, however it ends."""

import gc
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.tools.python_sandbox.conftest import Isolation, open_sandbox
from tests.tools.python_sandbox.processes import descendants, is_alive, wait_until
from training_free_grpo.tools.python_sandbox import PythonSandbox, SandboxError


def kill_descendants() -> None:
    for process in descendants(os.getpid()):
        with suppress(ProcessLookupError):  # it went with another
            os.kill(process, signal.SIGKILL)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where working folders of this test are made, if they are the host's."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_closing_ends_all_processes(isolation: Isolation) -> None:
    before = descendants(os.getpid())
    with open_sandbox(isolation) as sandbox:
        sandbox.run("1")
        assert descendants(os.getpid()) > before
    assert descendants(os.getpid()) <= before


def test_a_forgotten_sandbox_ends_its_processes(isolation: Isolation) -> None:
    before = descendants(os.getpid())
    sandbox = open_sandbox(isolation)
    session = sandbox.session()
    session.run("x = 1")
    del session, sandbox
    gc.collect()
    assert descendants(os.getpid()) <= before


def test_runs_leave_no_process_descriptor_or_folder(isolation: Isolation, folders: Path) -> None:
    programs = ["1", "1 / 0", "open('f', 'w').write('x')", "import os; os._exit(3)"]
    with open_sandbox(isolation, timeout=20) as sandbox, ThreadPoolExecutor(8) as pool:
        sandbox.run("1")
        wait_until(lambda: len(descendants(os.getpid())) > 0)
        files, folders_before = len(os.listdir("/proc/self/fd")), len(list(folders.iterdir()))
        list(pool.map(sandbox.run, programs * 10))
        assert len(os.listdir("/proc/self/fd")) == files
        # Those that wait for the next program have theirs already.
        wait_until(lambda: len(list(folders.iterdir())) <= folders_before)
    assert list(folders.iterdir()) == []


@pytest.mark.parametrize(
    "code",
    [
        "open('file', 'w').write('x')",
        "import os\nfor _ in range(2000): os.mkdir('d'); os.chdir('d')",
        "import os\nos.makedirs('a/b'); os.mkdir('a/c', 0); os.chmod('a/b', 0); os.chmod('a', 0)",
        "for n in range(1, 256): open(b'odd \\n' + bytes([n]).replace(b'/', b''), 'w')",
        "import os\nos.symlink('/', 'root'); os.symlink('loop', 'loop')",
        "import os, shutil\nshutil.rmtree(os.getcwd(), ignore_errors=True)",
        "while True: pass",
    ],
    ids=["a file", "2000 levels", "locked", "odd names", "links", "removed already", "endless"],
)
def test_the_working_folder_is_removed(isolation: Isolation, folders: Path, code: str) -> None:
    with open_sandbox(isolation, timeout=1) as sandbox:
        sandbox.run(code)
    assert list(folders.iterdir()) == []


def test_too_many_files_end_the_run(hasty: PythonSandbox, isolation: Isolation) -> None:
    code = "n = 0\nwhile True:\n    open(f'file {n}', 'w').close(); n += 1"
    result = hasty.run(code, timeout=20)
    assert result.status == "error" if isolation == "namespaces" else "disk"


def test_files_that_are_too_big_together_end_the_run(isolation: Isolation) -> None:
    code = "for n in range(40):\n    with open(str(n), 'wb') as f: f.write(bytes(10_000_000))"
    with open_sandbox(isolation, timeout=20, disk_mb=16) as sandbox:
        result = sandbox.run(f"{code}\nimport time; time.sleep(1)")
    # A file system of its own says that it is full; elsewhere the run is killed.
    expected = ("error", "No space left") if isolation == "namespaces" else ("disk", "")
    assert result.status == expected[0]
    assert expected[1] in result.stderr


AGENT = textwrap.dedent("""
    import sys, threading, time, warnings
    from training_free_grpo.tools.python_sandbox import PythonSandbox
    warnings.simplefilter("ignore")
    isolation = sys.argv[1]
    how = {"unsafe_local": True} if isolation == "none" else {"isolation": isolation}
    sandbox = PythonSandbox(timeout=60, preimport=(), warm_up="", **how).start()
    session = sandbox.session()
    session.run("x = 1")
    threading.Thread(target=sandbox.run, args=("while True: pass",), daemon=True).start()
    time.sleep(0.3)
    print("running", flush=True)
    time.sleep(60)
""")


def test_when_the_agent_is_killed_all_processes_die_and_no_folder_stays(
    isolation: Isolation, tmp_path: Path, sandbox: PythonSandbox
) -> None:
    agent = subprocess.Popen(
        [sys.executable, "-c", AGENT, isolation],
        stdout=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    with agent:
        assert agent.stdout
        assert agent.stdout.readline() == b"running\n"
        started = descendants(agent.pid)
        assert len(started) >= 3
        agent.send_signal(signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, started)))
    if isolation != "none":  # where nobody is left to do it
        wait_until(lambda: list(tmp_path.iterdir()) == [])


def test_a_dead_fork_server_is_replaced(isolation: Isolation) -> None:
    if isolation == "none":
        pytest.skip("it has no fork server")
    with open_sandbox(isolation, timeout=20) as sandbox:
        kill_descendants()
        assert sandbox.run("1").stdout == "1\n"


def test_a_session_whose_fork_server_died_restarts(isolation: Isolation) -> None:
    if isolation == "none":
        pytest.skip("it has no fork server")
    with open_sandbox(isolation, timeout=20) as sandbox:
        session = sandbox.session()
        session.run("x = 1")
        kill_descendants()
        try:
            lost = session.run("x").session_lost
        except SandboxError:  # the server was gone before it could tell of the session's end
            lost = True
        assert lost
        assert "NameError" in session.run("x").stderr


def test_a_session_from_before_a_fork_says_so_in_the_child_where_its_sandbox_runs() -> None:
    code = textwrap.dedent("""
        import os, warnings
        from training_free_grpo.tools.python_sandbox import PythonSandbox, SandboxError
        warnings.simplefilter("ignore")
        with PythonSandbox(preimport=(), warm_up="") as sandbox:
            session = sandbox.session()
            session.run("x = 6 * 7")
            if not os.fork():
                print(sandbox.run("print('in the child')").stdout, flush=True)
                try:
                    session.run("x")
                except SandboxError as error:
                    print(error, flush=True)
                sandbox.close()
                os._exit(0)
            os.wait()
            print(session.run("print(x)").stdout, sandbox.run("print('in the parent')").stdout)
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said = done.stdout
    assert all(part in said for part in ("in the child", "before a fork", "42", "in the parent"))


def test_processor_time_ends_a_run_within_its_time_limit() -> None:
    with PythonSandbox(timeout=60, preimport=(), warm_up="") as sandbox:
        result = sandbox.run("while True: pass", cpu_seconds=1)
    assert result.status == "timeout"
    assert result.seconds < 30
