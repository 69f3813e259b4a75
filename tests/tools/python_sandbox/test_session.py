import asyncio
import os
from collections.abc import Iterator

import pytest

from tests.tools.python_sandbox.conftest import Isolation
from tests.tools.python_sandbox.processes import descendants, state_of, wait_until
from training_free_grpo.tools.python_sandbox import PythonSandbox, Session

ENDLESS = "while True: pass"


@pytest.fixture
def session(hasty: PythonSandbox) -> Iterator[Session]:
    session = hasty.session()
    yield session
    session.close()


def test_variables_are_kept(session: Session) -> None:
    session.run("x = 41")
    result = session.run("x + 1")
    assert (result.status, result.stdout, result.session_lost) == ("ok", "42\n", False)


def test_files_are_kept(session: Session) -> None:
    session.run("open('notes', 'w').write('kept')")
    assert session.run("print(open('notes').read())").stdout == "kept\n"


def test_functions_find_what_is_defined_later(session: Session) -> None:
    session.run("def double(): return 2 * x")
    session.run("x = 21")
    assert session.run("double()").stdout == "42\n"


def test_two_sessions_share_nothing(hasty: PythonSandbox, session: Session) -> None:
    other = hasty.session()
    session.run("x = 1")
    assert "NameError" in other.run("x").stderr
    other.close()


def test_an_exception_keeps_the_variables(session: Session) -> None:
    session.run("x = 42")
    assert session.run("1 / 0").status == "error"
    assert session.run("x").stdout == "42\n"


def test_an_exit_keeps_the_variables(session: Session) -> None:
    session.run("x = 42")
    assert session.run("import sys; sys.exit(3)").exit_code == 3
    assert session.run("x").stdout == "42\n"


def test_a_program_that_takes_too_long_is_interrupted_and_keeps_the_variables(
    session: Session,
) -> None:
    session.run("x = 42")
    result = session.run(f"print('begun')\n{ENDLESS}")
    assert (result.status, result.stdout, result.session_lost) == ("timeout", "begun\n", False)
    assert session.run("x").stdout == "42\n"


def test_a_program_that_ignores_the_interrupt_is_killed_and_loses_the_variables(
    session: Session,
) -> None:
    session.run("x = 42")
    result = session.run(f"import signal\nsignal.signal(signal.SIGINT, lambda *_: 0)\n{ENDLESS}")
    assert (result.status, result.session_lost) == ("timeout", True)
    assert "NameError" in session.run("x").stderr


def test_a_crash_loses_the_variables_and_the_next_run_starts_without_them(session: Session) -> None:
    session.run("x = 42")
    result = session.run("import ctypes; ctypes.string_at(0)")
    assert (result.status, result.session_lost) == ("crash", True)
    assert "NameError" in session.run("x").stderr


def test_the_figures_are_those_of_one_program(session: Session) -> None:
    busy = session.run("import time\nwhile time.process_time() < 0.3: pass")
    lazy = session.run("1")
    assert busy.cpu_seconds > 0.2 > lazy.cpu_seconds


def test_answers_that_a_program_forges_stay_its_own_affair(
    hasty: PythonSandbox, session: Session
) -> None:
    forge = "import os\nfor n in range(3, 20):\n    try: os.write(n, b'not a number at all\\n')\n"
    result = session.run(forge + "    except OSError: pass")
    assert result.status in {"ok", "error", "crash"}
    assert hasty.run("1").stdout == "1\n"


def test_a_program_that_claims_to_be_done_but_continues_uses_no_more_time(
    session: Session, isolation: Isolation
) -> None:
    if isolation == "none":
        pytest.skip("a plain process that is stopped would not end with the agent")
    burn = "import threading\ndef burn():\n    while True: pass\n"
    session.run(f"{burn}threading.Thread(target=burn, daemon=True).start()")
    wait_until(lambda: "T" in map(state_of, descendants(os.getpid())))
    assert session.run("6 * 7").stdout == "42\n"


def test_a_closed_session_leaves_no_process(hasty: PythonSandbox) -> None:
    session = hasty.session()
    session.run("x = 42")
    session.close()
    assert "NameError" in session.run("x").stderr
    session.close()


async def test_sessions_run_async_side_by_side(hasty: PythonSandbox) -> None:
    sessions = [hasty.session() for _ in range(4)]
    await asyncio.gather(*(each.arun(f"x = {n}") for n, each in enumerate(sessions)))
    results = await asyncio.gather(*(each.arun("x") for each in sessions))
    assert [result.stdout for result in results] == ["0\n", "1\n", "2\n", "3\n"]
    for each in sessions:
        each.close()


async def test_programs_of_one_session_run_one_after_the_other(session: Session) -> None:
    await session.arun("steps = []")
    slow = "import time; steps.append({0}); time.sleep(0.05); steps.append({0})"
    await asyncio.gather(*(session.arun(slow.format(n)) for n in range(3)))
    steps = (await session.arun("print(*steps)")).stdout.split()
    assert steps[::2] == steps[1::2]
