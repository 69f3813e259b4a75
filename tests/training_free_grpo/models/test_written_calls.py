"""Tool calls and thoughts that models write into their text."""

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from training_free_grpo.models.endings import find_ending
from training_free_grpo.models.structured import parse_json
from training_free_grpo.models.thoughts import set_thoughts_apart
from training_free_grpo.models.written_calls import read_written_calls, writes_calls

CALL = '{"name": "run_python", "arguments": {"code": "print(1)"}}'


@pytest.mark.parametrize(
    "text",
    [
        f"Let me see.\n<tool_call>\n{CALL}\n</tool_call>",
        f"<tool_call>{CALL}",
        f"[TOOL_CALLS][{CALL}]",
        '<|python_tag|>{"name": "run_python", "parameters": {"code": "print(1)"}}',
        '<function=run_python>{"code": "print(1)"}</function>',
        "<tool_call><function=run_python>\n<parameter=code>\nprint(1)\n</parameter>\n</function>"
        "</tool_call>",
        f"```json\n{CALL}\n```",
        '[TOOL_CALLS]{"name": "run_python", "arguments": "{\\"code\\": \\"print(1)\\"}"}',
    ],
)
def test_a_written_call_is_read(text: str) -> None:
    found = read_written_calls(AIMessage(text), ["run_python"])
    assert [(c["name"], c["args"]) for c in found.tool_calls] == [
        ("run_python", {"code": "print(1)"})
    ]
    assert "run_python" not in found.text


@pytest.mark.parametrize(
    "text", ["The answer is {4}.", CALL.replace("run_python", "telephone"), '{"answer": 4}', ""]
)
def test_a_text_that_calls_no_tool_of_ours_stays_a_text(text: str) -> None:
    assert read_written_calls(AIMessage(text), ["run_python"]).text == text


def test_a_call_that_cannot_be_read_is_still_seen() -> None:
    text = "<tool_call>run_python(print(1))</tool_call>"
    assert not read_written_calls(AIMessage(text), ["run_python"]).tool_calls
    assert writes_calls(text)


@pytest.mark.parametrize(
    "text",
    [
        '<think>\nPerhaps {"a": 0}?\n</think>\n{"a": 1}',
        'It began in the prompt: {"a": 0}\n</think>\n\n{"a": 1}',
        '<thinking>{"a": 0}</thinking>```json\n{"a": 1}\n```',
        '[THINK]{"a": 0}[/THINK]{"a": 1}',
    ],
)
def test_a_draft_in_thoughts_is_no_answer(text: str) -> None:
    assert parse_json(text) == {"a": 1}


def test_thoughts_that_never_end_hold_no_answer() -> None:
    with pytest.raises(ValueError, match="only thinking"):
        parse_json('<think>Perhaps {"a": 0}')
    assert find_ending(set_thoughts_apart(AIMessage("<think>So \\boxed{3}")))


def test_thoughts_stand_beside_an_answer() -> None:
    found = set_thoughts_apart(AIMessage("<think>3?</think>\nIt is \\boxed{4}."))
    assert found.text == "It is \\boxed{4}."
    assert found.additional_kwargs["thoughts"] == "3?"


@pytest.mark.parametrize(
    "told",
    [
        {"finish_reason": "stop"},
        {"finish_reason": "STOP"},
        {"finish_reason": "tool_calls"},
        {"stop_reason": "end_turn"},
        {"stop_reason": "tool_use"},
        {"stop_reason": "stop_sequence"},
        {"done_reason": "stop"},
        {"finish_reason": "eos"},
        {"object": "response", "status": "completed"},
        {},
    ],
    ids=json.dumps,
)
def test_what_says_finished_is_an_answer(told: dict[str, Any]) -> None:
    assert find_ending(AIMessage("4", response_metadata=told)) is None


@pytest.mark.parametrize(
    "told",
    [
        {"finish_reason": "length"},
        {"finish_reason": "MAX_TOKENS"},
        {"finish_reason": "model_length"},
        {"finish_reason": "insufficient_system_resource"},
        {"finish_reason": "PROHIBITED_CONTENT"},
        {"finish_reason": "a reason of next year"},
        {"stop_reason": "refusal"},
        {"stop_reason": "model_context_window_exceeded"},
        {"stop_reason": "pause_turn"},
        {"stopReason": "guardrail_intervened"},
        {"done_reason": "load"},
        {
            "object": "response",
            "status": "incomplete",
            "incomplete_details": {"reason": "max_output_tokens"},
        },
        {"object": "response", "status": "failed"},
    ],
    ids=json.dumps,
)
def test_what_says_anything_else_is_none(told: dict[str, Any]) -> None:
    ending = find_ending(AIMessage("4", response_metadata=told))
    assert ending is not None
    assert ending.tries <= 3
