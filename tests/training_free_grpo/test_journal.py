from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from training_free_grpo.journal import Journal, call_key
from training_free_grpo.ledger import no_usage

USAGE = no_usage() | {"calls": 2, "input": 7, "output": 3, "retries": 1}
CALL = {"name": "run_python", "args": {"code": "print(1)"}, "id": "call-1"}
AGAIN = {**CALL, "id": "call-9"}
ANSWER = AIMessage(
    "I compute.",
    tool_calls=[CALL],
    usage_metadata={"input_tokens": 7, "output_tokens": 3, "total_tokens": 10},
)
TALK: list[AnyMessage] = [SystemMessage("Solve it."), HumanMessage("1 + 0?")]


async def test_an_answer_is_found_again_with_its_cost_after_the_journal_was_reopened(
    tmp_path: Path,
) -> None:
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        await journal.keep("key", "rollout", ANSWER, USAGE)
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        found = await journal.find("key")
    assert found == (ANSWER, USAGE)


async def test_a_call_that_was_never_made_is_not_found(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        assert await journal.find("key") is None


def test_the_ids_that_providers_give_do_not_change_what_was_asked() -> None:
    one: list[AnyMessage] = [*TALK, AIMessage("", id="chatcmpl-1", tool_calls=[CALL])]
    other: list[AnyMessage] = [
        *TALK,
        AIMessage("", id="chatcmpl-2", tool_calls=[{**CALL, "id": "call-9"}]),
    ]
    assert call_key(one, role="rollout") == call_key(other, role="rollout")


@pytest.mark.parametrize(
    "talk",
    [
        [*TALK, HumanMessage("And 1 + 1?")],
        [SystemMessage("Solve it."), HumanMessage("1 + 2?")],
        [HumanMessage("Solve it."), SystemMessage("1 + 0?")],
        [*TALK, ToolMessage("1", tool_call_id="call-1")],
    ],
)
def test_another_talk_is_another_call(talk: list[AnyMessage]) -> None:
    assert call_key(talk, role="rollout") != call_key(TALK, role="rollout")


@pytest.mark.parametrize("change", [{"attempt": 1}, {"seed": 8}, {"role": "judge"}])
def test_another_attempt_seed_or_role_is_another_call(change: dict[str, object]) -> None:
    asked: dict[str, object] = {"role": "rollout", "seed": 7, "attempt": 0}
    assert call_key(TALK, **asked) != call_key(TALK, **asked | change)
