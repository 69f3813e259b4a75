"""What a test needs beside this process, read from its code: for `make quick`, which runs the rest.

A test needs what it names, and what its fixtures and the helpers of the tests name. What it starts
through our own code cannot be read from it: such a test is marked by hand, where it takes time.
"""

import inspect
from collections.abc import Iterable, Iterator
from functools import cache
from types import CodeType
from typing import Any

import pytest

NEEDS = {
    "process": "starts a process",
    "server": "listens on a port of this machine",
    "browser": "drives a browser",
    "attack": "attacks the sandbox",
    "long": "takes seconds of processor time",
}
_NAMES = {
    "process": {"subprocess", "Popen", "psutil", "pty", "fork", "PythonSandbox", "NotebookClient"},
    "server": {"StandIn", "ThreadingHTTPServer", "HTTPServer", "create_server", "TestServer"},
    "browser": {"playwright", "sync_playwright"},
}
_FOLDERS = {"python_sandbox": "process", "web_page": "process", "containment": "attack"}


def mark(item: pytest.Item) -> None:
    """Mark a test with what it needs."""
    if not isinstance(item, pytest.Function):
        return
    fixtures = [
        each.func for found in item._fixtureinfo.name2fixturedefs.values() for each in found
    ]
    for need in needs_of((item.function, *fixtures)):
        item.add_marker(need)
    for folder in _FOLDERS.keys() & set(item.path.parts):
        item.add_marker(_FOLDERS[folder])


def needs_of(functions: Iterable[Any]) -> set[str]:
    """Return what functions need, and what they call in the tests."""
    names: set[str] = set()
    waiting, known = [inspect.unwrap(each) for each in functions], set()
    while waiting:
        function = waiting.pop()
        if function in known:
            continue
        known.add(function)
        inner, called = read(function)
        names |= inner
        waiting += called
    return {need for need, told in _NAMES.items() if names & told}


@cache
def read(function: Any) -> tuple[set[str], list[Any]]:
    """Return the names that a function of the tests uses, and those of them to read as well."""
    code = getattr(function, "__code__", None)
    if code is None:
        return set(), []
    names = set(names_in(code))
    spoken = [function.__globals__.get(name) for name in names]
    called = [part for each in spoken for part in parts_of(each)]
    bases = [base for each in spoken if inspect.isclass(each) for base in each.__mro__]
    return names | {base.__name__ for base in bases}, called


def names_in(code: CodeType) -> Iterator[str]:
    """Give the names in a function and the functions in it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def parts_of(found: Any) -> list[Any]:
    """Return the functions of a helper in the tests; none of anything else."""
    if not str(getattr(found, "__module__", "")).startswith(("tests.", "benchmarks.")):
        return []
    parts = vars(found).values() if inspect.isclass(found) else [found]
    return [inspect.unwrap(each) for each in parts if inspect.isfunction(each)]
