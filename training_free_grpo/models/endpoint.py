"""One chat model as the loop calls it: limited, timed, tried again, counted.

Every model call of training and evaluation goes through `Endpoint.call`, so that each rule
about money and patience stands in one place.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import BaseModel

from training_free_grpo.ledger import metered, no_usage, record
from training_free_grpo.models.chat import is_embedded, make_model
from training_free_grpo.models.errors import (
    BadRequest,
    ModelError,
    Outage,
    Refused,
    TooLong,
    Unusable,
)
from training_free_grpo.models.forms import FORMS, Form, bind_form
from training_free_grpo.models.traffic.patience import off_the_clock
from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.models.traffic.tries import Call, Tries
from training_free_grpo.records import JSON, Role, Usage
from training_free_grpo.settings import Settings
from training_free_grpo.storage.journal import Journal, call_key

log = logging.getLogger(__name__)


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
        gate: StopGate | None = None,
    ) -> None:
        self.settings = settings
        self.name = name
        self.address = base_url or name.partition(":")[0]
        self._base_url = base_url
        self._temperature = temperature
        self._given = model
        self._journal = journal
        self._gate = gate or StopGate()
        self._tries = Tries(settings, name, name_lane(model, self.address), self._gate)
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, BaseChatModel]
        self._made = WeakKeyDictionary()
        self._forms = FORMS[settings.structured_output]

    async def call(
        self,
        messages: Sequence[AnyMessage],
        *,
        role: Role,
        tools: Sequence[BaseTool] = (),
        schema: type[BaseModel] | None = None,
        seed: int = 0,
        attempt: int = 0,
    ) -> AIMessage:
        """Return one whole answer.

        Raise Outage or Unusable when all tries are used up, Refused when no call to this
        endpoint can succeed. `schema` asks for JSON by the best means the endpoint has.
        """
        sampling = {"seed": seed, "attempt": attempt}
        key = self._key(messages, role=role, tools=[tool.name for tool in tools], **sampling)
        if self._journal and (kept := await self._journal.find(key)):
            record(role, kept[1])
            return kept[0]
        if self._journal and self._journal.sealed:
            raise await recall_loss(self._journal, key, role)
        try:
            with metered() as spent, self._gate.passage() as passage:
                call = self._tries.call(messages, role, passage)
                try:
                    answer = await self._ask(call, tools, schema, sampling)
                except (Outage, Unusable) as error:
                    if self._journal:
                        lost = spent.get(role, no_usage())
                        await note_loss(self._journal, key, role, error, lost)
                    raise
                if self._journal:
                    await self._journal.keep(key, role, answer, spent[role])
        except Refused as error:
            await self._stop(error)
            raise
        return answer

    def _key(self, messages: Sequence[AnyMessage], **circumstances: object) -> str:
        """Name a call by all that its answer depends on."""
        model = (self.name, self.address, self._temperature, self.settings.max_output_tokens)
        return call_key(messages, model=model, **circumstances)

    async def _ask(
        self, call: Call, tools: Sequence[BaseTool], schema: type[BaseModel] | None, sampling: JSON
    ) -> AIMessage:
        """Ask in the best form that the endpoint takes, and remember which that is."""
        forms = self._forms if schema else (None,)
        for form in forms:
            try:
                if form is None or schema is None:
                    return await self._tries.ask(call, await self._bind(tools, sampling))
                answer = await self._tries.ask(call, await self._bind_form(form, schema, sampling))
            except TooLong:
                raise
            except (BadRequest, NotImplementedError) as error:
                refused = error
                continue
            # Only now: a request may be refused in every form.
            if form != forms[0] and forms == self._forms:
                log.info("%s does not do %s; it is asked for %s", self.name, forms[0], form)
                self._forms = self._forms[forms.index(form) :]
            return answer
        raise self._tries.lose(BadRequest(str(refused))) from refused

    async def _stop(self, reason: Refused) -> None:
        """Begin nothing more, and wait for the calls in flight: they are paid for, and are kept."""
        if self._journal:
            self._gate.close(reason)
            with off_the_clock():
                await self._gate.wait_until_empty()

    async def _bind(self, tools: Sequence[BaseTool], sampling: JSON) -> Runnable[Any, Any]:
        """Bind the tools to the model, and the sampling if it takes one."""
        model = await self._model()
        sampling = sampling if is_embedded(model) else {}
        if tools:
            return model.bind_tools(tools, **sampling)
        return model.bind(**sampling) if sampling else model

    async def _bind_form(
        self, form: Form, schema: type[BaseModel], sampling: JSON
    ) -> Runnable[Any, Any]:
        """Bind the schema to the model in one form."""
        model = await self._model()
        return model.bind(**sampling) if is_embedded(model) else bind_form(model, form, schema)

    async def _model(self) -> BaseChatModel:
        """Return the chat model of the running loop: its connections belong to that loop."""
        if self._given is not None:
            return self._given
        loop = asyncio.get_running_loop()
        if loop not in self._made:
            made = await make_model(self.name, self._base_url, self._temperature, self.settings)
            self._made[loop] = made
        return self._made[loop]


def name_lane(model: BaseChatModel | None, address: str) -> str:
    """Name the endpoint of a model: one that was given may be anywhere, so it goes by its name."""
    if model is None:
        return address
    known = (getattr(model, name, None) for name in ("model_name", "model"))
    return f"{type(model).__name__} {next(filter(None, known), '')}"


async def note_loss(
    journal: Journal, key: str, role: Role, error: ModelError, usage: Usage
) -> None:
    """Note that a call was lost, and what its tries cost: a replay has to lose it too."""
    loss = {"reason": str(error), "role": role, "usage": {**usage}}
    await journal.note(key, "loss", loss | {"too_long": isinstance(error, TooLong)})


async def recall_loss(journal: Journal, key: str, role: Role) -> Outage:
    """Return what a call was lost to when the record was made."""
    loss = await journal.find_note(key)
    if loss is None:
        return Outage("the record holds no such call")
    record(role, loss["usage"])
    return (TooLong if loss.get("too_long") else Outage)(loss["reason"])
