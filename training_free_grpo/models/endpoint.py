"""One chat model as the loop calls it: limited, timed, tried again, counted.

Every model call of training and evaluation goes through `Endpoint.call`, so that each rule
about money and patience stands in one place.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from training_free_grpo.journal import Journal, call_key
from training_free_grpo.ledger import metered, no_usage, record, usage_of
from training_free_grpo.models.chat import is_embedded, make_model
from training_free_grpo.models.errors import ModelError, Outage, Refused, Unusable
from training_free_grpo.models.forms import FORMS, Form, bind_form
from training_free_grpo.models.gate import Gate
from training_free_grpo.models.limits import limit
from training_free_grpo.records import JSON
from training_free_grpo.settings import Settings

Ask = Callable[[Runnable[Any, Any]], Awaitable[AIMessage]]
"""Asks a bound model what there is to ask, with all tries."""

log = logging.getLogger(__name__)

_DEAD_AFTER = 10
"""Lost calls in a row, each after all its tries, from which an endpoint counts as dead."""
_LONGEST_WAIT = 60.0
"""Seconds between two tries, whatever the server asks for."""


@dataclass(frozen=True)
class _Call:
    """What is asked, for which role, and what to await before each request."""

    messages: Sequence[AnyMessage]
    role: str
    enter: Callable[[], Awaitable[None]]


class Endpoint:
    """A chat model under the settings' limits; safe to share between tasks, threads and loops."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        base_url: str | None = None,
        temperature: float = 0.0,
        model: BaseChatModel | None = None,
        journal: Journal | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.settings = settings
        self.name = name
        self.address = base_url or name.partition(":")[0]
        self._base_url = base_url
        self._temperature = temperature
        self._given = model
        self._journal = journal
        self._gate = gate or Gate()
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, BaseChatModel]
        self._made = WeakKeyDictionary()
        self._lost_in_a_row = 0
        self._forms = FORMS[settings.structured_output]

    async def call(
        self,
        messages: Sequence[AnyMessage],
        *,
        role: str,
        tools: Sequence[BaseTool] = (),
        schema: type[BaseModel] | None = None,
        seed: int = 0,
        attempt: int = 0,
    ) -> AIMessage:
        """Return one whole answer.

        Raise Outage or Unusable when all tries are used up, Refused when no call to this
        endpoint can succeed. `schema` asks for JSON by the best means the endpoint has.
        """
        salt = {"seed": seed, "attempt": attempt}
        key = self._key(messages, role=role, tools=[tool.name for tool in tools], **salt)
        if self._journal and (kept := await self._journal.find(key)):
            record(role, kept[1])
            return kept[0]
        with metered() as spent, self._gate.passage() as enter:
            ask = partial(self._try, _Call(messages, role, enter))
            if schema is None:
                answer = await ask(await self._bind(tools, salt))
            else:
                answer = await self._ask_in_a_form(ask, schema, salt)
            self._lost_in_a_row = 0
            if self._journal:
                await self._journal.keep(key, role, answer, spent[role])
        return answer

    def _key(self, messages: Sequence[AnyMessage], **circumstances: object) -> str:
        """Name a call by all that its answer depends on."""
        model = (self.name, self.address, self._temperature, self.settings.max_output_tokens)
        return call_key(messages, model=model, **circumstances)

    async def _ask_in_a_form(self, ask: Ask, schema: type[BaseModel], salt: JSON) -> AIMessage:
        """Ask for JSON in the best form that the endpoint takes, and remember which that is."""
        forms = self._forms
        for form in forms:
            try:
                answer = await ask(await self._bind_form(form, schema, salt))
            except (_BadRequest, NotImplementedError) as error:
                refused = error
                continue
            # Only now: a prompt that is too long is refused in every form.
            if form != forms[0] and forms == self._forms:
                log.info("%s does not do %s; it is asked for %s", self.name, forms[0], form)
                self._forms = forms[forms.index(form) :]
            return answer
        raise Outage(str(refused)) from refused

    async def _try(self, call: _Call, model: Runnable[Any, Any]) -> AIMessage:
        """Call until an answer is whole, with waits between; count every try."""
        tries = AsyncRetrying(
            retry=retry_if_exception(is_passing),
            stop=stop_after_attempt(self.settings.max_retries + 1),
            wait=wait_time,
            reraise=True,
        )
        try:
            async for attempt in tries:
                with attempt:
                    if attempt.retry_state.attempt_number > 1:
                        record(call.role, no_usage() | {"retries": 1})
                    return await self._once(call, model)
        except ModelError:
            raise
        except Exception as error:
            raise self._judge(error) from error
        raise AssertionError("tenacity ended without an answer or an error")

    async def _once(self, call: _Call, model: Runnable[Any, Any]) -> AIMessage:
        """Make one call and return its answer if it is whole."""
        everywhere = limit("all model calls", self.settings.concurrency)
        here = limit(self.address, self.settings.endpoint_concurrency or self.settings.concurrency)
        async with here, everywhere:
            await call.enter()
            async with asyncio.timeout(self.settings.call_timeout):
                answer = await model.ainvoke(call.messages)
        if isinstance(answer, dict):
            answer = answer["raw"]
        if not isinstance(answer, AIMessage):
            raise ValueError(f"the model answered with {type(answer).__name__}, not a message")
        record(call.role, usage_of(answer))
        if reason := unusable(answer):
            raise Unusable(reason)
        return answer

    def _judge(self, error: Exception) -> ModelError:
        """Say what an error that outlived all tries means for the run."""
        said = f"{self.name}: {type(error).__name__}: {error}".strip(": ")[:500]
        status = getattr(error, "status_code", None)
        if status in (401, 403, 404) or getattr(error, "code", None) == "insufficient_quota":
            return Refused(said)
        if status is not None and 400 <= status < 500 and status not in (408, 409, 425, 429):
            return _BadRequest(said)
        if isinstance(error, ValidationError):
            # The endpoint answers, but with something that is no message.
            return Unusable(said)
        self._lost_in_a_row += 1
        if self._lost_in_a_row >= _DEAD_AFTER:
            return Refused(f"{self._lost_in_a_row} calls in a row were lost, the last to {said}")
        return Outage(said)

    async def _bind(self, tools: Sequence[BaseTool], salt: JSON) -> Runnable[Any, Any]:
        """Bind the tools to the model, and the salt if it takes one."""
        model = await self._model()
        salt = salt if is_embedded(model) else {}
        if tools:
            return model.bind_tools(tools, **salt)
        return model.bind(**salt) if salt else model

    async def _bind_form(
        self, form: Form, schema: type[BaseModel], salt: JSON
    ) -> Runnable[Any, Any]:
        """Bind the schema to the model in one form."""
        model = await self._model()
        return model.bind(**salt) if is_embedded(model) else bind_form(model, form, schema)

    async def _model(self) -> BaseChatModel:
        """Return the chat model of the running loop: its connections belong to that loop."""
        if self._given is not None:
            return self._given
        loop = asyncio.get_running_loop()
        if loop not in self._made:
            made = await make_model(self.name, self._base_url, self._temperature, self.settings)
            self._made[loop] = made
        return self._made[loop]


class _BadRequest(Outage):
    """The endpoint does not take a request of this form."""


def unusable(answer: AIMessage) -> str | None:
    """Say why an answer is not whole, or return None."""
    told = answer.response_metadata
    reason = told.get("finish_reason") or told.get("stop_reason") or told.get("done_reason")
    if reason in ("length", "max_tokens"):
        return "the answer was cut off at the limit of output tokens"
    if not (answer.text.strip() or answer.tool_calls or answer.invalid_tool_calls):
        return "the answer was empty"
    return None


def is_passing(error: BaseException) -> bool:
    """Tell whether the same call may succeed later: outages may, refusals do not."""
    if isinstance(error, Unusable):
        return True
    if not isinstance(error, Exception) or isinstance(error, ModelError):
        return False
    if getattr(error, "code", None) == "insufficient_quota":
        return False
    status = getattr(error, "status_code", None)
    return status is None or status >= 500 or status in (408, 409, 425, 429)


def wait_time(state: RetryCallState) -> float:
    """Return the seconds to wait: what the server asks for, else twice as long each time."""
    error = state.outcome.exception() if state.outcome else None
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    if asked := seconds_asked(headers.get("retry-after", "")):
        return min(asked, _LONGEST_WAIT)
    longest = min(0.5 * 2.0 ** (state.attempt_number - 1), _LONGEST_WAIT)
    return longest * random.uniform(0.5, 1.0)


def seconds_asked(header: str) -> float | None:
    """Read Retry-After, which is a number of seconds or a date."""
    if header.replace(".", "", 1).isdecimal():
        return float(header)
    try:
        return max(parsedate_to_datetime(header).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
