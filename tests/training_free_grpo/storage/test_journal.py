import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from training_free_grpo.ledger import no_usage
from training_free_grpo.storage.journal import Journal, call_key
from training_free_grpo.storage.sqlite import StorageError

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


async def test_all_that_was_spent_is_known_after_the_journal_was_reopened(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        await journal.keep("one", "rollout", ANSWER, USAGE)
        await journal.keep("two", "judge", ANSWER, USAGE)
        for kind in ("loss", "own agent"):
            await journal.note(kind, kind, {"role": "rollout", "usage": USAGE})
        await journal.note("other", "tool", {"content": "42"})
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        spent = await journal.spent()
    assert sorted(role for role, _ in spent) == ["judge", "rollout", "rollout", "rollout"]
    assert all(usage == USAGE for _, usage in spent)


async def test_notes_are_found_by_their_kind(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        for n in range(2):
            await journal.note(f"session/{n}", "session", {"seconds": n})
        await journal.note("other", "tool", {"content": "42"})
        found = await journal.notes("session")
    assert sorted(note["seconds"] for note in found) == [0, 1]


async def test_what_an_earlier_run_was_answered_is_taken_over_and_counted(tmp_path: Path) -> None:
    with (
        Journal.open(tmp_path / "old.sqlite") as old,
        Journal.open(tmp_path / "new.sqlite", old) as new,
    ):
        await old.keep("known", "rollout", ANSWER, USAGE)
        await old.note("said", "tool", {"content": "42"})
        for _ in range(2):
            assert await new.find("known") == (ANSWER, USAGE)
            assert await new.find_note("said") == {"content": "42"}
        assert await new.find("unknown") is None
        assert (old.known, old.unknown) == (1, 1)
    with Journal.open(tmp_path / "new.sqlite") as alone:
        assert await alone.find("known") == (ANSWER, USAGE)
        assert await alone.find_note("said") == {"content": "42"}


async def test_an_answer_kept_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        await journal.keep("key", "rollout", AIMessage("old"), USAGE)
        await journal.keep("key", "rollout", ANSWER, USAGE)
        assert await journal.find("key") == (ANSWER, USAGE)


async def test_what_cannot_be_kept_is_no_failure_of_an_agent(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        with closing(sqlite3.connect(tmp_path / "calls.sqlite")) as other:
            other.execute("DROP TABLE calls")
        with pytest.raises(StorageError, match="no such table"):
            await journal.keep("key", "rollout", ANSWER, USAGE)
