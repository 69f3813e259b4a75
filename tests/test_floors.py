import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "training_free_grpo"
FLOORS = (
    "errors arguments model_name compat lifecycle",
    "threads",
    "records settings text imports background prompts tools redact",
    "storage ledger prices messages graders simulated datasets policy",
    "library settings_source",
    "models metrics traces middleware transcripts",
    "learning validation",
    "rollouts",
    "spending",
    "graphs",
    "executors doctor",
    "runs",
    "inspect_logs report paper",
    "session",
    "cli",
    "__main__",
)
"""From the ground up; a room imports from lower floors only, and what is in it from each other."""
FORK_SERVER = f"{PACKAGE}.tools.python_sandbox.forkserver"
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms.split()}


def find_modules() -> dict[str, Path]:
    """Return every module by its dotted name; the root folders stand where they are installed."""
    found = {}
    for folder in (PACKAGE, "graphs", "tools", "prompts"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            if folder != PACKAGE:
                parts = (PACKAGE, *parts)
            elif parts[1] in ("graphs", "tools", "prompts"):  # the links that type checkers follow
                continue
            found[".".join(parts).removesuffix(".__init__")] = file
    return found


MODULES = find_modules()


def run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Walk the code, functions included, without what only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from run_time_nodes(child)


def imports_of(module: str) -> set[str]:
    """Return the modules of ours that a module imports."""
    found = set()
    for node in run_time_nodes(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = str(node.module)
            if node.level:
                # The fork server runs without the package around it.
                assert FORK_SERVER in module, f"{module} has a relative import"
                source = ".".join([*module.split(".")[:-1], *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                found.add(inner if inner in MODULES else source)
    return {name for name in found if name in MODULES and name != module}


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else PACKAGE


IMPORTS = {module: imports_of(module) for module in MODULES}


def test_every_module_has_a_floor_and_every_room_its_modules() -> None:
    assert {room(module) for module in MODULES} == {PACKAGE, *FLOOR}


def test_imports_point_down_only() -> None:
    above = [
        f"{module} imports {name}"
        for module in MODULES
        for name in IMPORTS[module]
        if module != PACKAGE
        if room(name) != room(module) and FLOOR.get(room(name), -1) >= FLOOR[room(module)]
    ]
    assert not above


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        list(TopologicalSorter(IMPORTS).static_order())
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_the_package_itself_imports_its_parts_only_when_they_are_used() -> None:
    assert IMPORTS[PACKAGE] == set()


def test_the_package_lists_its_parts_before_they_are_used(tmp_path: Path) -> None:
    code = f"import {PACKAGE} as p; print(set(p.__all__) <= set(dir(p)))"
    assert run_apart(code, tmp_path).stdout == "True\n"


def test_tools_know_nothing_of_us_but_tools() -> None:
    tools = [module for module in MODULES if room(module) == "tools"]
    assert {room(name) for module in tools for name in IMPORTS[module]} <= {"tools"}


def test_the_fork_server_knows_nothing_but_itself() -> None:
    inside = [module for module in MODULES if FORK_SERVER in module]
    assert all(FORK_SERVER in name for module in inside for name in IMPORTS[module])


def run_apart(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter in an empty folder; every warning is an error."""
    known = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", code],
        cwd=folder,
        env={**known, "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "module",
    [
        "tools.python_sandbox",
        "tools.corpus_search",
        "tools.web_search",
        "tools.web_page",
        "graders",
        "settings",
    ],
)
def test_a_part_used_alone_loads_nothing_heavy(module: str, tmp_path: Path) -> None:
    code = (
        f"import sys, {PACKAGE}.{module}\n"
        "heavy = ('langgraph', 'openai', 'sympy', 'langchain_openai', 'langchain_community',\n"
        "'trafilatura', 'pypdf')\n"
        "print(sorted(name for name in heavy if name in sys.modules))"
    )
    done = run_apart(code, tmp_path)
    assert (done.stdout, done.stderr) == ("[]\n", "")


AUDIT = """
import importlib, os, sys

seen = []


def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.mkdir"):
        seen.append((event, *map(str, arguments[1:2])))


class Environment(type(os.environ)):
    def __getitem__(self, name):
        if name.endswith(("KEY", "TOKEN", "SECRET", "PASSWORD")):
            seen.append(("environment", name))
        return super().__getitem__(name)


os.environ.__class__ = Environment
sys.addaudithook(note)
for module in MODULES:
    importlib.import_module(module)
assert not seen, seen
"""


def test_importing_everything_says_nothing_and_touches_nothing(tmp_path: Path) -> None:
    code = AUDIT.replace("MODULES", repr(sorted(MODULES)))
    done = run_apart(code, tmp_path, OPENAI_API_KEY="a secret")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
