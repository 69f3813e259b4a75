"""Send a request until it is answered: its slot, its time limit and its retries."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import Runnable
from pydantic import ValidationError

from training_free_grpo.ledger import no_usage, record, usage_of
from training_free_grpo.model_name import ModelName
from training_free_grpo.models.endings import Ending, find_ending
from training_free_grpo.models.errors import (
    BadRequest,
    Filtered,
    Garbled,
    ModelError,
    Outage,
    Refused,
    TooLong,
    Unusable,
)
from training_free_grpo.models.json_text import restore_value
from training_free_grpo.models.labels import traced_as
from training_free_grpo.models.thoughts import set_thoughts_apart
from training_free_grpo.models.traffic.breaker import PATIENCE
from training_free_grpo.models.traffic.error_report import read_report
from training_free_grpo.models.traffic.failures import (
    describe_failure,
    is_filtered,
    is_garbled,
    read_failure,
    seconds_asked,
)
from training_free_grpo.models.traffic.patience import give_back, off_the_clock
from training_free_grpo.models.traffic.queue import Place, Slot
from training_free_grpo.models.traffic.refusals import REMEDIES, find_refusal, sentence
from training_free_grpo.models.traffic.scheduler import turns_of
from training_free_grpo.models.traffic.stop_gate import GatePass, StopGate
from training_free_grpo.records import Role, Usage
from training_free_grpo.settings import Settings

_DEAD_AFTER = 10
"""Lost calls in a row, each after all its tries, from which an endpoint counts as dead."""
_LONGEST_WAIT = 60.0
"""Seconds between two tries, whatever the server asks for."""
_CHARACTERS_PER_TOKEN = 4
_GARBLED_TRIES = 2
"""Further tries where a server cannot read what its model wrote."""
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

    @property
    def question(self) -> str:
        """What all calls that ask the same have in common."""
        asked = next((n for n, m in enumerate(self.messages) if isinstance(m, HumanMessage)), -1)
        return "\n".join(m.text for m in self.messages[: asked + 1])


Bind = Callable[[int], Awaitable[Runnable[Any, Any]]]
"""Makes the model to ask, with so many times the usual room for output tokens."""


class _Failed(Exception):
    """A try that may do better later; `asked` is what the server says of when."""

    def __init__(self, said: str, asked: float | None) -> None:
        super().__init__(said)
        self.asked = asked


class _Overloaded(_Failed):
    """A try that was too much at once: nothing is wrong with it, or with the endpoint."""


class _GarbledTry(_Failed):
    """A try whose answer the server itself could not read."""


class _NotWhole(Unusable):
    """A try whose answer is not whole."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.said)
        self.ending = ending


@dataclass
class Tries:
    """Asks one endpoint, each call as often as the settings allow."""

    settings: Settings
    name: str
    lane: str
    """The lane of the queue in which its calls stand."""
    gate: StopGate
    has_answered: bool = False
    """Whether it has ever answered: it is there, and takes requests like ours."""
    last_failure: str | None = None
    """What the last request that failed was lost to."""
    _lost_in_a_row: int = 0
    _refused_questions: set[str] = field(default_factory=set)

    def call(self, messages: Sequence[AnyMessage], role: Role, passage: GatePass) -> Call:
        """Give a call its place in the queue."""
        rank = _RANKS.get(role, _LAST)
        if role == "rollout" and any(isinstance(m, AIMessage) for m in messages):
            rank = _BEGUN
        return Call(messages, role, turns_of(self.settings).place(rank), passage)

    async def ask(self, call: Call, bind: Bind) -> AIMessage:
        """Ask until an answer is whole, with waits between; count every try."""
        failed, overloaded, room = 0, 0.0, 1
        while True:
            begun = asyncio.get_running_loop().time()
            try:
                answer = await self._once(call, await bind(room))
            except _Overloaded as error:
                wait = 0.0  # The lane makes all its calls wait, and this one stands before others.
                overloaded += asyncio.get_running_loop().time() - begun
                if overloaded > PATIENCE["overloaded"]:
                    raise self.lose(Outage(str(error)), call) from error
            except (_Failed, Unusable) as error:
                failed += 1
                if failed > self._most_tries(error):
                    raise self._give_up(error, call) from error
                wait = wait_time(failed, error)
                if isinstance(error, _NotWhole) and error.ending.wants_room:
                    room = 2
            else:
                self._note_answer()
                return answer
            call.passage.leave()
            with off_the_clock():
                await asyncio.sleep(wait)
            record(call.role, no_usage() | {"retries": 1})

    def _most_tries(self, error: Exception) -> int:
        """Return how many further tries a failure is worth."""
        most = self.settings.max_retries
        if isinstance(error, _NotWhole):
            return min(most, error.ending.tries)
        return min(most, _GARBLED_TRIES) if isinstance(error, _GarbledTry) else most

    def _note_answer(self) -> None:
        self.has_answered = True
        self._lost_in_a_row = 0
        self._refused_questions.clear()

    async def _once(self, call: Call, model: Runnable[Any, Any]) -> AIMessage:
        """Make one request once a slot is free, and return the answer if it is whole."""
        async with turns_of(self.settings).take(self.lane, call.place, self._size(call)) as slot:
            with off_the_clock():
                await call.passage.enter()
            try:
                async with asyncio.timeout(self.settings.call_timeout):
                    found = await model.ainvoke(call.messages, traced_as(call.role))
                    answer = set_thoughts_apart(read_message(found))
            except ModelError:
                raise
            except Exception as error:
                give_back(asyncio.get_running_loop().time() - slot.begun)
                raise self._explain(error, slot) from error
            used = self._count(call, answer)
            slot.answer(used["input"] + used["output"])
        record(call.role, used)
        self.gate.count(call.role, used)
        if ending := find_ending(answer):
            raise _NotWhole(ending)
        return answer

    def _count(self, call: Call, answer: AIMessage) -> Usage:
        """Return what an answer took; where the endpoint does not say, by the length of the texts.

        Counted as nothing, it would keep within any budget.
        """
        used = usage_of(answer)
        if answer.usage_metadata is None and not ModelName.parse(self.name).is_embedded:
            used["input"], used["output"] = estimate(call.messages), estimate([answer])
        return used

    def _size(self, call: Call) -> int:
        """Return about how many tokens the prompt takes, where that is limited."""
        return 0 if self.settings.tokens_per_minute is None else estimate(call.messages)

    def _explain(self, error: Exception, slot: Slot) -> Exception:
        """Say what a failed request means, and tell the lane of it."""
        said = self.last_failure = f"{self.name}: {describe_failure(error)}"[:500]
        if isinstance(error, ValidationError):
            # The endpoint answers, but with something that is no message.
            slot.answer(0)
            return Unusable(said)
        failure, asked, report = read_failure(error), seconds_asked(error), read_report(error)
        if failure in ("request", "failing") and is_garbled(report):
            slot.answer(0)
            return _GarbledTry(said, None)
        if dead := slot.fail(failure, asked):
            return Refused(f"{dead}; the last was lost to {said}")
        if failure == "refused":
            reason = find_refusal(report)
            return Refused(f"{said}\n{sentence(REMEDIES[reason])}" if reason else said)
        if failure == "too_long":
            return TooLong(said)
        if failure == "request":
            return Filtered(said) if is_filtered(report) else BadRequest(said)
        return (_Overloaded if failure == "overloaded" else _Failed)(said, asked)

    def _give_up(self, error: _Failed | Unusable, call: Call) -> ModelError:
        if isinstance(error, Unusable):
            return Unusable(str(error))
        if isinstance(error, _GarbledTry):
            return Garbled(str(error))
        return self.lose(Outage(str(error)), call)

    def lose(self, loss: Outage, call: Call) -> ModelError:
        """Note a lost call; return what it means for the run."""
        if isinstance(loss, BadRequest):
            # An endpoint that answers others has something against this one question.
            if self.has_answered and call.question in self._refused_questions:
                return loss
            self._refused_questions.add(call.question)
        self._lost_in_a_row += 1
        if self._lost_in_a_row < _DEAD_AFTER:
            return loss
        return Refused(f"{self._lost_in_a_row} calls in a row were lost, the last to {loss}")


def estimate(messages: Sequence[AnyMessage]) -> int:
    """Return about how many tokens messages take, tool calls included."""
    return sum(len(m.text) + len(_beside(m)) for m in messages) // _CHARACTERS_PER_TOKEN


def _beside(message: AnyMessage) -> str:
    """Return what a model wrote beside its text: calls and thoughts."""
    if not isinstance(message, AIMessage):
        return ""
    calls = str(message.tool_calls) if message.tool_calls else ""
    return calls + str(message.additional_kwargs.get("thoughts", ""))


def read_message(answer: Any) -> AIMessage:
    """Return the message that a model answered with, bare or beside what was parsed of it."""
    if isinstance(answer, dict):
        answer = answer["raw"]
    if not isinstance(answer, AIMessage):
        raise ValueError(f"the model answered with {type(answer).__name__}, not a message")
    for call in answer.tool_calls:
        call["args"] = restore_value(call["args"])
    return answer


def wait_time(failed: int, error: _Failed | Unusable) -> float:
    """Return the seconds to wait: what the server asks for, else twice as long each time."""
    if isinstance(error, Unusable):
        return 0.0
    if error.asked is not None:
        return min(error.asked, _LONGEST_WAIT)
    longest = min(0.5 * 2.0 ** (failed - 1), _LONGEST_WAIT)
    return longest * random.uniform(0.5, 1.0)
