import json

import pytest
from langchain_core.messages import AIMessage

from training_free_grpo.models.structured import answer_text, parse_answer, parse_json

WHOLE = '{"reasoning": "why", "operations": [{"operation": "add", "ids": []}]}'


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        f"\n  {WHOLE}\n",
        json.dumps(json.loads(WHOLE), indent=2),
        f"```json\n{WHOLE}\n```",
        f"```\n{WHOLE}\n```",
        f"```JSON\n{WHOLE}\n```",
        f"```json {WHOLE}```",
        f"Here it is:\n```json\n{WHOLE}\n```\nI hope this helps.",
        f'First:\n```json\n{{"draft": 1}}\n```\nBetter:\n```json\n{WHOLE}\n```',
        f"Here it is: {WHOLE} I hope this helps.",
        f"{WHOLE}\n\nDone.",
        f"{WHOLE}```",
        f"<think>Let me see.</think>\n{WHOLE}",
    ],
)
def test_the_object_is_found_bare_fenced_and_between_words(text: str) -> None:
    assert parse_json(text) == json.loads(WHOLE)


@pytest.mark.parametrize(
    "text",
    [
        f"{WHOLE}}}",
        f"{WHOLE}]}}",
        f"{WHOLE}\nwhere {{x}} is any number",
        f"For the set {{1, 2}} this is it: {WHOLE}",
        f"{WHOLE}\n{WHOLE}",
    ],
)
def test_stray_braces_around_the_object_do_not_hide_it(text: str) -> None:
    assert parse_json(text) == json.loads(WHOLE)


LATEX = [
    r"\boxed{42}",
    r"\frac{1}{2}",
    r"\beta \bar{x} \binom{n}{k} \forall \phi",
    r"\sqrt{2} \alpha \left( x \) \[ y \] \{1, 2\} \, \;",
    r"\underline{u} \uparrow \upsilon",
    r"\boxed{\dfrac{\pi}{2}}",
]
LOST = [r"\theta", r"\text{so}", r"\times", r"\tan x \to y", r"\rho \right)", r"\sin \theta"]


@pytest.mark.parametrize(
    "latex",
    [
        *LATEX,
        *(text for text in LOST),
    ],
)
def test_latex_whose_backslashes_were_not_doubled_comes_back_intact(latex: str) -> None:
    assert parse_json(f'{{"a": [{{"content": "so {latex}."}}]}}') == {
        "a": [{"content": f"so {latex}."}]
    }


@pytest.mark.parametrize(
    "latex", [*LATEX, *LOST, r"\nu \neq \nabla", 'a "quoted" \\', "line\nline"]
)
def test_latex_whose_backslashes_were_doubled_comes_back_intact(latex: str) -> None:
    assert parse_json(json.dumps({"content": latex})) == {"content": latex}


def test_doubled_and_lone_backslashes_may_stand_side_by_side() -> None:
    assert parse_json(r'{"a": "\\sin x", "b": "\alpha"}') == {"a": r"\sin x", "b": r"\alpha"}


def test_a_line_break_inside_a_string_is_taken() -> None:
    assert parse_json('{"a": "one\ntwo"}') == {"a": "one\ntwo"}


def test_escapes_that_json_knows_keep_their_meaning() -> None:
    assert parse_json(r'{"a": "\u00bd \"x\" a\/b\nc"}') == {"a": '½ "x" a/b\nc'}


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_an_object_that_was_cut_off_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="not one whole JSON object"):
        parse_json(WHOLE[:length])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I cannot do that.",
        "[1, 2]",
        '["add"]',
        '"text"',
        "3",
        "null",
        "true",
        "```json\n[]\n```",
        "{}}{",
        '{"a": 1, // comment\n}',
        '[{"a": 1}]',
    ],
)
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not one whole JSON object"):
        parse_json(text)


def test_an_answer_stuck_in_a_loop_of_brackets_is_refused() -> None:
    with pytest.raises(ValueError, match="not one whole JSON object"):
        parse_json('{"operations": ' + "[" * 100_000)


def test_a_tool_call_is_the_answer_whatever_the_text_says() -> None:
    call = {"name": "OperationsAnswer", "args": {"a": r"\theta"}, "id": "1"}
    message = AIMessage("Here you are.", tool_calls=[call])
    assert parse_answer(message) == {"a": r"\theta"}
    assert json.loads(answer_text(message)) == {"a": r"\theta"}


def test_without_a_tool_call_the_text_is_the_answer() -> None:
    message = AIMessage([{"type": "text", "text": WHOLE}])
    assert parse_answer(message) == json.loads(WHOLE)
    assert answer_text(message) == WHOLE
