import asyncio
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables import RunnableLambda

from training_free_grpo.ledger import no_usage
from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.prices import Price, Prices
from training_free_grpo.records import JSON, Problem, Usage
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.interrupts import stop_on_interrupt
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.settings import Settings, SettingsError
from training_free_grpo.spending.budget import Budget, OutOfBudget
from training_free_grpo.storage.journal import Journal

TOKENS: UsageMetadata = {"input_tokens": 8, "output_tokens": 2, "total_tokens": 10}
PRICES: Prices = {"rollout": ("m", Price(1, 1, 1)), "judge": ("j", None)}
USED: Usage = no_usage() | {"calls": 2, "input": 900_000, "output": 100_000}


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (Budget(cost=1.0), ["$1.00 of $1.00"]),
        (Budget(tokens=1_000_000), ["1,000,000 of 1,000,000 tokens"]),
        (Budget(calls=2), ["2 of 2 calls"]),
        (Budget(minutes=3), ["3.0 of 3 minutes"]),
        (Budget(calls=1, minutes=2), ["2 of 1 calls", "3.0 of 2 minutes"]),
        (Budget(cost=1.1, tokens=1_000_001, calls=3, minutes=3.1), []),
        (Budget(), []),
    ],
)
def test_a_limit_is_reached_when_all_of_it_is_used(budget: Budget, said: list[str]) -> None:
    assert list(budget.exceeded({"rollout": USED}, PRICES, 3.0)) == said


def test_a_cost_that_became_unknown_ends_a_budget_in_dollars() -> None:
    assert list(Budget(cost=9.0).exceeded({"judge": USED}, PRICES, 0)) == ["unknown of $9.00"]


def test_a_budget_in_dollars_needs_the_price_of_every_model_that_is_asked() -> None:
    with pytest.raises(SettingsError, match=r"Budget\(cost=5\) .* for j\. .*judge_price="):
        Budget(cost=5).check(PRICES, ["rollout", "judge"])
    Budget(cost=5).check(PRICES, ["rollout"])
    Budget(tokens=5).check(PRICES, ["rollout", "judge"])


async def spend(path: Path, budget: Budget, *uses: Usage) -> StopGate:
    """Count some answers under a budget; return the gate that it watched."""
    gate = StopGate()
    with Journal.open(path / "calls.sqlite") as journal:
        async with budget.kept(PRICES, journal, gate):
            for used in uses:
                gate.count("rollout", used)
    return gate


async def test_a_used_up_budget_closes_the_gate_and_says_what_was_used_in_the_end(
    tmp_path: Path,
) -> None:
    gate = await spend(tmp_path, Budget(calls=3), USED)
    assert gate.reason is None
    gate = await spend(tmp_path, Budget(calls=3), USED, USED, USED)
    assert isinstance(gate.reason, OutOfBudget)
    assert "6 of 3 calls" in str(gate.reason)


async def test_what_earlier_sessions_spent_counts(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        await journal.note("lost", "loss", {"role": "rollout", "usage": USED})
        await journal.note("own", "own agent", {"role": "rollout", "usage": USED})
    assert (await spend(tmp_path, Budget(calls=5))).reason is None
    assert "4 of 4 calls" in str((await spend(tmp_path, Budget(calls=4))).reason)


async def test_the_time_of_earlier_sessions_counts(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        await journal.note("session/before", "session", {"seconds": 120.0})
    assert (await spend(tmp_path, Budget(minutes=3))).reason is None
    assert "2.0 of 2 minutes" in str((await spend(tmp_path, Budget(minutes=2))).reason)


async def test_every_session_notes_its_time(tmp_path: Path) -> None:
    for _ in range(2):
        await spend(tmp_path, Budget())
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        assert len(await journal.notes("session")) == 2


async def test_time_runs_out_while_nothing_is_answered(tmp_path: Path) -> None:
    gate = StopGate()
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        async with Budget(minutes=0.001).kept(PRICES, journal, gate):
            while gate.reason is None:  # noqa: ASYNC110 - nobody is told when a gate closes
                await asyncio.sleep(0.01)
    assert isinstance(gate.reason, OutOfBudget)


async def test_a_budget_lets_go_of_the_gate_when_the_work_fails(tmp_path: Path) -> None:
    gate: Any = StopGate()
    with Journal.open(tmp_path / "calls.sqlite") as journal, pytest.raises(KeyError):
        async with Budget(calls=1).kept(PRICES, journal, gate):
            raise KeyError
    assert gate.watch is None


async def test_rollouts_of_an_agent_of_the_users_count_when_they_end(tmp_path: Path) -> None:
    made = []

    async def attempt(given: JSON) -> AIMessage:
        made.append(given)
        return AIMessage("\\boxed{7}", usage_metadata=TOKENS)

    settings = Settings(epochs=1, group_size=5, concurrency=3)
    problems: list[Problem] = [
        {"id": str(n), "problem": f"{n}?", "answers": ["1"]} for n in range(9)
    ]
    agent, budget = RunnableLambda(attempt), Budget(tokens=100)
    run = TrainingRun(RunFolder(tmp_path), settings, problems, agent=agent, budget=budget)
    with pytest.raises(OutOfBudget, match="of 100 tokens"):
        await stop_on_interrupt(run.run(lambda *_: None), run.models.gate, print)
    assert 10 <= len(made) < 10 + 3
