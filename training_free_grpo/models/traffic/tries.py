"""Send a request until it is answered: its slot, its time limit and its retries."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import Runnable
from pydantic import ValidationError

from training_free_grpo.ledger import no_usage, record, usage_of
from training_free_grpo.models.errors import (
    BadRequest,
    ModelError,
    Outage,
    Refused,
    TooLong,
    Unusable,
)
from training_free_grpo.models.labels import traced_as
from training_free_grpo.models.traffic.breaker import PATIENCE
from training_free_grpo.models.traffic.failures import describe_failure, read_failure, seconds_asked
from training_free_grpo.models.traffic.patience import give_back, off_the_clock
from training_free_grpo.models.traffic.queue import Place, Slot
from training_free_grpo.models.traffic.scheduler import turns_of
from training_free_grpo.models.traffic.stop_gate import GatePass, StopGate
from training_free_grpo.records import Role, Usage
from training_free_grpo.settings import Settings

_DEAD_AFTER = 10
"""Lost calls in a row, each after all its tries, from which an endpoint counts as dead."""
_LONGEST_WAIT = 60.0
"""Seconds between two tries, whatever the server asks for."""
_CHARACTERS_PER_TOKEN = 4
_FREE = ("simulated", "recorded:")
"""Models that cost nothing, and need not say what they took."""
_BEGUN = 0
_RANKS = {"rollout": 1, "judge": 2, "summarize": 3}
_LAST = 4
"""Ranks in the queue. Whoever has the longest way to go is first: a batch takes as long as its last
group, and what ends the groups that are ahead would only make that one wait."""


@dataclass(frozen=True)
class Call:
    """What is asked, for which role, where it stands in the queue, and its way past the gate."""

    messages: Sequence[AnyMessage]
    role: Role
    place: Place
    passage: GatePass


class _Failed(Exception):
    """A try that may do better later; `asked` is what the server says of when."""

    def __init__(self, said: str, asked: float | None) -> None:
        super().__init__(said)
        self.asked = asked


class _Overloaded(_Failed):
    """A try that was too much at once: nothing is wrong with it, or with the endpoint."""


@dataclass
class Tries:
    """Asks one endpoint, each call as often as the settings allow."""

    settings: Settings
    name: str
    lane: str
    """The lane of the queue in which its calls stand."""
    gate: StopGate
    _lost_in_a_row: int = 0

    def call(self, messages: Sequence[AnyMessage], role: Role, passage: GatePass) -> Call:
        """Give a call its place in the queue."""
        rank = _RANKS.get(role, _LAST)
        if role == "rollout" and any(isinstance(m, AIMessage) for m in messages):
            rank = _BEGUN
        return Call(messages, role, turns_of(self.settings).place(rank), passage)

    async def ask(self, call: Call, model: Runnable[Any, Any]) -> AIMessage:
        """Ask until an answer is whole, with waits between; count every try."""
        failed, overloaded = 0, 0.0
        while True:
            begun = asyncio.get_running_loop().time()
            try:
                answer = await self._once(call, model)
            except _Overloaded as error:
                wait = 0.0  # The lane makes all its calls wait, and this one stands before others.
                overloaded += asyncio.get_running_loop().time() - begun
                if overloaded > PATIENCE["overloaded"]:
                    raise self.lose(Outage(str(error))) from error
            except (_Failed, Unusable) as error:
                failed += 1
                if failed > self.settings.max_retries:
                    raise self._give_up(error) from error
                wait = wait_time(failed, error)
            else:
                self._lost_in_a_row = 0
                return answer
            call.passage.leave()
            with off_the_clock():
                await asyncio.sleep(wait)
            record(call.role, no_usage() | {"retries": 1})

    async def _once(self, call: Call, model: Runnable[Any, Any]) -> AIMessage:
        """Make one request once a slot is free, and return the answer if it is whole."""
        async with turns_of(self.settings).take(self.lane, call.place, self._size(call)) as slot:
            with off_the_clock():
                await call.passage.enter()
            try:
                async with asyncio.timeout(self.settings.call_timeout):
                    answer = read_message(await model.ainvoke(call.messages, traced_as(call.role)))
            except ModelError:
                raise
            except Exception as error:
                give_back(asyncio.get_running_loop().time() - slot.begun)
                raise self._explain(error, slot) from error
            used = self._count(call, answer)
            slot.answer(used["input"] + used["output"])
        record(call.role, used)
        self.gate.count(call.role, used)
        if reason := unusable(answer):
            raise Unusable(reason)
        return answer

    def _count(self, call: Call, answer: AIMessage) -> Usage:
        """Return what an answer took; where the endpoint does not say, by the length of the texts.

        Counted as nothing, it would keep within any budget.
        """
        used = usage_of(answer)
        if answer.usage_metadata is None and not self.name.startswith(_FREE):
            used["input"], used["output"] = estimate(call.messages), estimate([answer])
        return used

    def _size(self, call: Call) -> int:
        """Return about how many tokens the prompt takes, where that is limited."""
        return 0 if self.settings.tokens_per_minute is None else estimate(call.messages)

    def _explain(self, error: Exception, slot: Slot) -> Exception:
        """Say what a failed request means, and tell the lane of it."""
        said = f"{self.name}: {describe_failure(error)}"[:500]
        if isinstance(error, ValidationError):
            # The endpoint answers, but with something that is no message.
            slot.answer(0)
            return Unusable(said)
        failure, asked = read_failure(error), seconds_asked(error)
        if dead := slot.fail(failure, asked):
            return Refused(f"{dead}; the last was lost to {said}")
        if failure == "refused":
            return Refused(said)
        if failure == "too_long":
            return TooLong(said)
        if failure == "request":
            return BadRequest(said)
        return (_Overloaded if failure == "overloaded" else _Failed)(said, asked)

    def _give_up(self, error: _Failed | Unusable) -> ModelError:
        return error if isinstance(error, Unusable) else self.lose(Outage(str(error)))

    def lose(self, loss: Outage) -> ModelError:
        """Note a lost call; return what it means for the run."""
        self._lost_in_a_row += 1
        if self._lost_in_a_row < _DEAD_AFTER:
            return loss
        return Refused(f"{self._lost_in_a_row} calls in a row were lost, the last to {loss}")


def estimate(messages: Sequence[AnyMessage]) -> int:
    """Return about how many tokens messages take, tool calls included."""
    said = (
        len(m.text) + (len(str(m.tool_calls)) if isinstance(m, AIMessage) and m.tool_calls else 0)
        for m in messages
    )
    return sum(said) // _CHARACTERS_PER_TOKEN


def read_message(answer: Any) -> AIMessage:
    """Return the message that a model answered with, bare or beside what was parsed of it."""
    if isinstance(answer, dict):
        answer = answer["raw"]
    if not isinstance(answer, AIMessage):
        raise ValueError(f"the model answered with {type(answer).__name__}, not a message")
    return answer


def unusable(answer: AIMessage) -> str | None:
    """Say why an answer is not whole, or return None."""
    told = answer.response_metadata
    reason = told.get("finish_reason") or told.get("stop_reason") or told.get("done_reason")
    if reason in ("length", "max_tokens"):
        return "the answer was cut off at the limit of output tokens"
    if reason in ("content_filter", "error"):
        return f"the answer was withheld or broken off ({reason})"
    if answer.text.strip() or answer.tool_calls or answer.invalid_tool_calls:
        return None
    if refusal := answer.additional_kwargs.get("refusal"):
        return f"the model would not answer: {refusal}"
    return "the answer was empty"


def wait_time(failed: int, error: _Failed | Unusable) -> float:
    """Return the seconds to wait: what the server asks for, else twice as long each time."""
    if isinstance(error, Unusable):
        return 0.0
    if error.asked is not None:
        return min(error.asked, _LONGEST_WAIT)
    longest = min(0.5 * 2.0 ** (failed - 1), _LONGEST_WAIT)
    return longest * random.uniform(0.5, 1.0)
