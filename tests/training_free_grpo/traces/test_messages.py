"""Talks are read in the forms in which others keep them, with their tool calls."""

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_openai_messages,
    message_to_dict,
)

from training_free_grpo.datasets.errors import RowError
from training_free_grpo.messages import write_messages
from training_free_grpo.traces.messages import part, read_messages

CALL: Any = {"name": "look_up", "args": {"word": "tea"}, "id": "c1", "type": "tool_call"}
TALK: list[Any] = [
    SystemMessage("Be brief."),
    HumanMessage("What is tea?"),
    AIMessage("", tool_calls=[CALL]),
    ToolMessage("a plant", tool_call_id="c1", name="look_up"),
    AIMessage("A drink."),
]
FORMS: dict[str, Callable[[BaseMessage], Any]] = {
    "message_to_dict": message_to_dict,
    "model_dump": lambda message: message.model_dump(),
    "dumpd": dumpd,
    "openai": convert_to_openai_messages,
}


@pytest.mark.parametrize("form", FORMS)
def test_talk_is_read_in_every_form_in_which_it_is_kept(form: str) -> None:
    found = read_messages([FORMS[form](message) for message in TALK])
    assert [(m.type, m.text) for m in found] == [(m.type, m.text) for m in TALK]
    assert isinstance(found[2], AIMessage)
    assert found[2].tool_calls == [CALL]


def test_state_of_an_agent_is_read_by_its_messages() -> None:
    state = {"messages": [message_to_dict(m) for m in TALK], "customer": "17"}
    assert [m.type for m in read_messages(state)] == [m.type for m in TALK]


@pytest.mark.parametrize(
    "text",
    [
        "First.<|begin_of_query|> tea <|end_of_query|>\n\n"
        "<|begin_of_documents|>\na plant\n<|end_of_documents|>\nA drink.",
        "First.<search>tea</search>\n<information>a plant</information>\nA drink.",
        "First. <search> tea </search> <result>\na plant</result> A drink.",
    ],
)
def test_searches_in_a_text_become_tool_calls(text: str) -> None:
    asked, found, answer = read_messages(text)
    assert isinstance(asked, AIMessage)
    assert [(c["name"], c["args"]) for c in asked.tool_calls] == [("search", {"query": "tea"})]
    assert [m.text for m in (asked, found, answer)] == ["First.", "a plant", "A drink."]


def test_search_without_its_result_stays_text() -> None:
    (message,) = read_messages("I would <search>tea</search> for that.")
    assert message.text == "I would <search>tea</search> for that."


def test_problem_is_the_first_question_and_the_attempt_what_follows() -> None:
    asked, attempt = part([*TALK, HumanMessage("Sure?"), AIMessage("Yes.")])
    assert asked == "What is tea?"
    assert [m.type for m in attempt] == ["ai", "tool", "ai", "human", "ai"]


@pytest.mark.parametrize("arguments", ['{"word": "te', "[1]", ""])
def test_call_whose_arguments_are_no_object_stays_as_it_was_made(arguments: str) -> None:
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": arguments}},
        {"id": "c2", "type": "function", "function": {"name": "look_up", "arguments": "{}"}},
    ]
    talk = [
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "no JSON", "tool_call_id": "c1"},
    ]
    asked, said = read_messages(talk)
    assert isinstance(asked, AIMessage)
    assert [call["id"] for call in asked.tool_calls] == ["c2"]
    assert [(c["id"], c["args"]) for c in asked.invalid_tool_calls] == [("c1", arguments)]
    kept = write_messages([asked, said])
    assert sorted(kept[0]["tool_calls"], key=lambda call: str(call["id"])) == calls
    assert read_messages(kept) == [asked, said]


@pytest.mark.parametrize("form", ["message_to_dict", "model_dump", "dumpd"])
def test_call_that_langchain_could_not_read_is_kept(form: str) -> None:
    broken: Any = {
        "name": "f",
        "args": "{1",
        "id": "c1",
        "error": None,
        "type": "invalid_tool_call",
    }
    (found,) = read_messages([FORMS[form](AIMessage("", invalid_tool_calls=[broken]))])
    assert isinstance(found, AIMessage)
    assert found.invalid_tool_calls == [broken]


def test_talk_without_a_question_is_an_attempt_from_its_start() -> None:
    asked, attempt = part([TALK[0], *TALK[2:]])
    assert (asked, len(attempt)) == ("", 3)


@pytest.mark.parametrize(
    "value",
    [
        [{"role": "robot", "content": "x"}],
        [{"content": "x"}],
        [{"role": "tool", "content": "x"}],
        [{"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}],
        ["x"],
        [3],
        {"text": "x"},
        3,
    ],
)
def test_what_is_no_talk_is_refused(value: Any) -> None:
    with pytest.raises(RowError, match="in an unknown format"):
        read_messages(value)
