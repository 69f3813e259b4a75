from typing import Any

import pytest
from langchain_core.messages import ToolCall

from training_free_grpo.tools.python_sandbox import PythonSandbox, make_python_tool
from training_free_grpo.tools.python_sandbox.tool import Scope

ENDLESS = "while True: pass"


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
        ("while True: print('x' * 100_000)", "too much output"),
        ("import sys; sys.exit(3)", "exited with code 3"),
        ("import ctypes; ctypes.string_at(0)", "ended by signal 11 (Segmentation fault)"),
        ("bytearray(1 << 40)", "MemoryError\nThe limit is 1024 MB"),
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


def in_thread(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


def test_with_the_scope_thread_a_thread_keeps_its_variables() -> None:
    tool = make_python_tool(scope="thread")
    tool.invoke({"code": "x = 42"}, in_thread("one"))
    assert tool.invoke({"code": "x"}, in_thread("one")) == "42"
    assert "NameError" in tool.invoke({"code": "x"}, in_thread("another"))


async def test_with_the_scope_thread_async_calls_share_the_session() -> None:
    tool = make_python_tool(scope="thread")
    await tool.ainvoke({"code": "x = 42"}, in_thread("one"))
    assert tool.invoke({"code": "x"}, in_thread("one")) == "42"


def test_a_thread_that_has_ended_starts_over() -> None:
    tool = make_python_tool(scope="thread")
    tool.invoke({"code": "x = 42"}, in_thread("one"))
    tool.end_thread("one")
    assert "NameError" in tool.invoke({"code": "x"}, in_thread("one"))


def test_the_tool_says_when_variables_were_lost() -> None:
    tool = make_python_tool(scope="thread")
    answer = tool.invoke({"code": "import ctypes; ctypes.string_at(0)"}, in_thread("one"))
    assert "All variables are lost" in answer


def test_with_the_scope_thread_a_call_without_a_thread_is_the_operators_mistake() -> None:
    with pytest.raises(ValueError, match="thread_id"):
        make_python_tool(scope="thread").invoke({"code": "1"})


def test_the_description_names_packages_that_are_there() -> None:
    description = make_python_tool().description
    assert "numpy" in description
    assert "sympy" in description
    assert "torch" not in description


@pytest.mark.parametrize(
    ("scope", "words"), [("call", "Every call starts afresh"), ("thread", "Variables")]
)
def test_the_description_tells_what_is_kept(scope: Scope, words: str) -> None:
    assert words in make_python_tool(scope=scope).description


def test_a_sandbox_of_ones_own_is_used() -> None:
    with PythonSandbox(timeout=3, disk_mb=5) as sandbox:
        tool = make_python_tool(sandbox=sandbox)
        assert "3 seconds" in tool.description
        assert "5 MB of files" in tool.description
        assert tool.invoke({"code": "6 * 7"}) == "42"


def test_an_unknown_scope_is_refused() -> None:
    with pytest.raises(ValueError, match="scope must be"):
        make_python_tool(scope="rollout")  # type: ignore[arg-type]
