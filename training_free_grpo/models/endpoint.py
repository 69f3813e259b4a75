"""One chat model as the loop calls it: limited, timed, retried, counted.

Every model call of training and evaluation goes through `Endpoint.call`, so that each rule
about money and patience stands in one place.
"""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import BaseModel

from training_free_grpo.ledger import metered, no_usage, record
from training_free_grpo.model_name import ModelName
from training_free_grpo.models.adaptation import Adaptation, silently_dropped
from training_free_grpo.models.chat import NO_OPTIONS, Changes, is_embedded, make_model
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
from training_free_grpo.models.forms import FORMS, Form, bind_form, forbid_tools
from training_free_grpo.models.providers import split_name
from training_free_grpo.models.shapes import (
    LAST_TURNS,
    LastTurn,
    ask_last,
    mark_prefix,
    one_system,
    system_in_question,
)
from training_free_grpo.models.traffic.error_report import read_report
from training_free_grpo.models.traffic.patience import off_the_clock
from training_free_grpo.models.traffic.refusals import sentence
from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.models.traffic.tries import Call, Tries
from training_free_grpo.models.written_calls import read_written_calls, writes_calls
from training_free_grpo.records import JSON, Role, Usage
from training_free_grpo.settings import CONNECTION_OPTIONS, Settings
from training_free_grpo.storage.journal import Journal, call_key

log = logging.getLogger(__name__)

_NO_TOOLS = re.compile(
    r"(?:\btools?|function[ _]call\w*|tool[ _](?:use|choice|call\w*))\b[^.;]{0,60}"
    r"(?:not support|unsupported|requires?|not enabled|disabled|unavailable|not available)"
    r"|(?:not support|unsupported|that support)[^.;]{0,40}(?:\btools?\b|function[ _]call)"
)
"""How servers say that a model, or their way of running it, calls no tools."""
WITHOUT_TOOLS = (
    "it takes no tools: start its server with tool calls (llama.cpp: --jinja; vLLM: "
    "--enable-auto-tool-choice --tool-call-parser NAME), use another model, or do without: "
    "--set tools=none"
)


@dataclass(frozen=True)
class Asked:
    """What a call is to bring, and by which sampling."""

    tools: Sequence[BaseTool]
    schema: type[BaseModel] | None
    last: bool
    sampling: JSON


Way = Form | LastTurn | None
"""In which form a call is asked, where there are several."""


class Endpoint:
    """A chat model under the settings' limits; safe to share between tasks, threads and loops."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        base_url: str | None = None,
        temperature: float | None = 0.0,
        model: BaseChatModel | None = None,
        journal: Journal | None = None,
        gate: StopGate | None = None,
        options: Mapping[str, Any] = NO_OPTIONS,
    ) -> None:
        self.settings = settings
        self.name = name
        self.address = base_url or name.partition(":")[0]
        self._base_url = base_url
        self._temperature = temperature
        self._options = options
        self._given = model
        self._journal = journal
        self._gate = gate or StopGate()
        self._tries = Tries(settings, name, name_lane(model, self.address), self._gate)
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Changes, BaseChatModel]] = (
            WeakKeyDictionary()
        )
        self._bound: dict[tuple[int, ...], tuple[Sequence[BaseTool], Runnable[Any, Any]]] = {}
        """Models with tools, beside the tools, whose ids are the keys."""
        self._adaptation = Adaptation()
        self._forms: tuple[Way, ...] = FORMS[settings.structured_output]
        self._last_turns: tuple[Way, ...] = LAST_TURNS

    @property
    def form(self) -> Way:
        """In which form it is asked for JSON."""
        return self._forms[0]

    @property
    def last_failure(self) -> str | None:
        """What the last request that failed was lost to."""
        return self._tries.last_failure

    @property
    def notes(self) -> list[str]:
        """What the endpoint turned out not to take, in words."""
        return list(self._adaptation.notes)

    async def call(
        self,
        messages: Sequence[AnyMessage],
        *,
        role: Role,
        tools: Sequence[BaseTool] = (),
        schema: type[BaseModel] | None = None,
        seed: int = 0,
        attempt: int = 0,
        last: bool = False,
    ) -> AIMessage:
        """Return one whole answer.

        Raise Outage or Unusable when all tries are used up, Refused when no call to this
        endpoint can succeed. `schema` asks for JSON by the best means the endpoint has; `last` asks
        for an answer without further calls of the tools, which the talk has used.
        """
        sampling = {"seed": seed, "attempt": attempt}
        named = [] if last else [tool.name for tool in tools]
        key = self._key(messages, role=role, tools=named, **sampling)
        if self._journal and (kept := await self._journal.find(key)):
            self._tries.has_answered = True
            record(role, kept[1])
            return kept[0]
        if self._journal and self._journal.sealed:
            raise await recall_loss(self._journal, key, role)
        try:
            with metered() as spent, self._gate.passage() as passage:
                call = self._tries.call(messages, role, passage)
                try:
                    answer = await self._ask(call, Asked(tools, schema, last, sampling))
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
        model: tuple[object, ...]
        model = (self.name, self.address, self._temperature, self.settings.max_output_tokens)
        chosen = {k: v for k, v in self._options.items() if k not in CONNECTION_OPTIONS}
        model += (chosen,) if chosen else ()
        return call_key(messages, model=model, **circumstances)

    async def _ask(self, call: Call, asked: Asked) -> AIMessage:
        """Ask in the best way that the endpoint takes, and remember which that is."""
        ways = self._ways(asked)
        refused: Exception = BadRequest("no way to ask")
        for way in ways:
            try:
                answer = await self._ask_in(call, asked, way)
            except (TooLong, Filtered):
                raise
            except (BadRequest, Garbled, NotImplementedError) as error:
                refused = error
                continue
            if isinstance(way, LastTurn) and not answer.text.strip() and way is ways[0] != ways[-1]:
                refused = Garbled("the model calls tools though it has none left")
                continue
            # Only now: a request may be refused in every form.
            if way != ways[0] and not isinstance(refused, Garbled):
                self._remember(way, ways)
            return self._read_calls(answer, asked)
        if isinstance(refused, Garbled):
            raise refused
        raise self._lose(refused, call, asked) from refused

    def _ways(self, asked: Asked) -> tuple[Way, ...]:
        """Return the ways to ask that are left, the best first."""
        if asked.schema:
            return self._forms
        embedded = self._given is None and ModelName.parse(self.name).is_embedded
        return self._last_turns if asked.last and asked.tools and not embedded else (None,)

    def _remember(self, way: Way, ways: tuple[Way, ...]) -> None:
        """Begin with this way from now on."""
        left = ways[ways.index(way) :]
        if ways == self._forms:
            log.info("%s does not do %s; it is asked for %s", self.name, ways[0], way)
            self._forms = left
        elif ways == self._last_turns:
            self._last_turns = left

    async def _ask_in(self, call: Call, asked: Asked, way: Way) -> AIMessage:
        """Ask in one way, without what the endpoint refuses by name."""
        while True:
            made_with = self._adaptation.changes
            shown = replace(call, messages=self._shape(call.messages, asked, way))
            try:
                return await self._tries.ask(shown, partial(self._bind, asked, way))
            except (TooLong, Filtered):
                raise
            except BadRequest as error:
                if not self._learn(error, made_with):
                    raise

    def _shape(self, messages: Sequence[AnyMessage], asked: Asked, way: Way) -> list[AnyMessage]:
        """Return the messages as the endpoint takes them."""
        changes, shaped = self._adaptation.changes, one_system(messages)
        if isinstance(way, LastTurn):
            shaped = ask_last(shaped, way)
        if changes.no_system:
            return system_in_question(shaped)
        mark = None if self._given else self._options.get("cache_control", self._cache_mark())
        if mark and "cache_control" not in changes.dropped:
            return mark_prefix(shaped, mark, goes_on=bool(asked.tools) and not asked.last)
        return shaped

    def _cache_mark(self) -> JSON | None:
        """Return the mark of models whose prompts are cached only where they are marked."""
        provider, model = split_name(self.name, self._base_url)
        routed = provider == "openrouter" or "openrouter.ai" in (self._base_url or "")
        claude = provider == "anthropic" or (routed and model.startswith("anthropic/"))
        return {"type": "ephemeral"} if claude else None

    def _learn(self, error: BadRequest, made_with: Changes) -> bool:
        """Change what the endpoint asks to change; tell whether asking again is worth it."""
        if self._given is not None or not isinstance(error.__cause__, Exception):
            return False
        report = read_report(error.__cause__)
        before = self._adaptation.changes
        learned = self._adaptation.learn(report, made_with, self._options.keys())
        if learned and self._adaptation.changes != before:
            self._note(f"{self.name} does not take {learned} ({report.text[:200]})")
        return learned is not None

    def _note(self, said: str) -> None:
        if said not in self._adaptation.notes:
            self._adaptation.notes.append(said)
            log.warning("%s", said)

    def _lose(self, refused: Exception, call: Call, asked: Asked) -> ModelError:
        """Return what it means for the run that a request was refused in every way."""
        begun = any(isinstance(message, AIMessage) for message in call.messages)
        alike = asked.tools and not asked.schema and not begun  # as in every other rollout
        if alike and takes_no_tools(str(refused).casefold()):
            return Refused(f"{refused}\n{sentence(WITHOUT_TOOLS)}")
        return self._tries.lose(BadRequest(str(refused)), call)

    def _read_calls(self, answer: AIMessage, asked: Asked) -> AIMessage:
        """Read tool calls that stand in the text; say so of those that cannot be read."""
        if asked.schema or asked.last or not asked.tools or answer.tool_calls:
            return answer
        found = read_written_calls(answer, [tool.name for tool in asked.tools])
        if not found.tool_calls and writes_calls(answer.text):
            self._note(
                f"{self.name} writes tool calls into its text in a form that cannot be read: start "
                f"its server with a parser for them ({answer.text[:80]!r})"
            )
        return found

    async def _stop(self, reason: Refused) -> None:
        """Begin nothing more, and wait for the calls in flight: they are paid for, and are kept."""
        if self._journal:
            self._gate.close(reason)
            with off_the_clock():
                await self._gate.wait_until_empty()

    async def _bind(self, asked: Asked, way: Way, room: int) -> Runnable[Any, Any]:
        """Bind tools, schema and sampling to the model, as far as it takes them."""
        model = await self._model(room)
        sampling = asked.sampling if is_embedded(model) else {}
        if isinstance(way, LastTurn):
            if way.forbids:
                return forbid_tools(model, asked.tools)
            return model.bind_tools(asked.tools) if way.tools else model
        if asked.schema is not None and way is not None:
            return model.bind(**sampling) if sampling else bind_form(model, way, asked.schema)
        if asked.tools and not asked.last:
            return self._bind_tools(model, asked.tools, sampling)
        return model.bind(**sampling) if sampling else model

    def _bind_tools(
        self, model: BaseChatModel, tools: Sequence[BaseTool], sampling: JSON
    ) -> Runnable[Any, Any]:
        """Bind tools, once for all calls with the same ones: their schemas take long to write."""
        if sampling:
            return model.bind_tools(tools, **sampling)
        key = (id(model), *map(id, tools))
        if key not in self._bound:
            self._bound[key] = (tools, model.bind_tools(tools))
        return self._bound[key][1]

    async def _model(self, room: int = 1) -> BaseChatModel:
        """Return the chat model of the running loop: its connections belong to that loop."""
        if self._given is not None:
            return self._given
        made = self._made.setdefault(asyncio.get_running_loop(), {})
        changes = replace(self._adaptation.changes, room=room)
        if changes not in made:
            model = await make_model(
                self.name,
                self._base_url,
                self._temperature,
                self.settings,
                self._options,
                changes,
            )
            made[changes] = model
            if silently_dropped(model, self._temperature, self._options, changes):
                self._note(f"{self.name} takes no temperature: LangChain does not send it")
        return made[changes]


def takes_no_tools(said: str) -> bool:
    """Tell whether a server says, in small letters, that it or its model calls no tools."""
    return bool(_NO_TOOLS.search(said))


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
