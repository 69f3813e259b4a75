"""A stand-in that speaks the protocol of one provider, and refuses what that provider refuses."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from tests.providers.profiles import PROFILES, Profile
from tests.providers.protocols import PROTOCOLS, Protocol
from tests.standin import JSON, Call, StandIn, play, say

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Trouble = Callable[[Call], str | None]
"""Says by which kind of trouble a call is met, or None."""


@dataclass
class Provider(StandIn):
    """The server: `with Provider(profile="mistral") as server`, then `server.address`."""

    profile: str = "openai o-series"
    trouble: Trouble | None = None
    """`credit`, `key`, `model`, `filter`, `long`, or `cut:REASON`."""
    refused: list[str] = field(default_factory=list)
    """What it refused, in order."""

    @property
    def strict(self) -> Profile:
        return PROFILES[self.profile]

    @property
    def address(self) -> str:
        """The value of the setting `base_url`."""
        return f"http://127.0.0.1:{self.port}{self.strict.root}"

    @property
    def settings(self) -> JSON:
        """The settings of a run on it."""
        found: JSON = {"model": self.strict.model, "base_url": self.address}
        return found | ({"model_options": self.strict.options} if self.strict.options else {})

    def _route(self, router: web.UrlDispatcher) -> None:
        super()._route(router)
        for name, protocol in PROTOCOLS.items():
            if name != "chat":
                router.add_post(protocol.path, self._speak(protocol))

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._speak(PROTOCOLS["chat"])(request)

    def _speak(self, protocol: Protocol) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            call = self._note(request, protocol.read(await request.json()))
            responses = protocol is PROTOCOLS["responses"]
            with self._flight(call):
                await asyncio.sleep(self.latency(call) if callable(self.latency) else self.latency)
                kind = self.trouble(call) if self.trouble else None
                if refusal := self._refuse(call, kind, responses):
                    self._take_back(call)
                    return refusal
                message, finish = self._answer(call, kind)
                usage = call.usage = self._charge(call, message)
                return protocol.write(message, finish, usage)

        return handle

    def _number(self, call: Call) -> int:
        if call.role == "rollout":  # the system message may stand ahead of it
            call.problem = call.problem.split("\n\n")[-1]
        noted = re.search(r"# attempt (\d+)", json.dumps(call.messages))
        return int(noted[1]) if noted else super()._number(call)

    def _refuse(self, call: Call, kind: str | None, responses: bool) -> web.Response | None:
        if kind and not kind.startswith("cut:"):
            return self._say(*self.strict.troubles[kind])
        for status, code, rule in self.strict.rules:
            said = rule(call.body)
            if said and not (responses and "/v1/responses" in said):
                return self._say(status, said, code)
        return None

    def _say(self, status: int, said: str, code: str | None) -> web.Response:
        self.refused.append(said)
        body = self.strict.shape(said, code, status)
        return web.json_response(body, status=status)

    def _answer(self, call: Call, kind: str | None) -> tuple[JSON, str]:
        message, finish = play(self, call)
        number_calls(message, call.rollout)
        if kind:
            return say("I was about to"), kind.removeprefix("cut:")
        if call.body.get("tool_choice") == "none" and message.get("tool_calls"):
            message, finish = say("The answer is \\boxed{0}."), "stop"
        if self.strict.answers == "hermes" and message.get("tool_calls"):
            message, finish = say(write_call(message)), "stop"
        if self.strict.answers == "think" and message["content"]:
            thoughts = '<think>\nFirst a draft: {"operations": []}, \\boxed{7}?\n</think>\n\n'
            message = message | {"content": thoughts + message["content"]}
        self._add_fields(message)
        return message, self.strict.finished.get(finish, finish)

    def _add_fields(self, message: JSON) -> None:
        """Add what has to come back with a tool call."""
        for call in message.get("tool_calls") or []:
            call["extra_content"] = {"google": {"thought_signature": "c2lnbmVk"}}
        if message.get("tool_calls"):
            message["reasoning_content"] = "It takes a program."


def number_calls(message: JSON, rollout: int) -> None:
    """Note the number of the rollout in its programs: ids do not come back from every client."""
    for call in message.get("tool_calls") or []:
        given = json.loads(call["function"]["arguments"])
        if "code" in given:
            given["code"] += f"  # attempt {rollout}"
            call["function"]["arguments"] = json.dumps(given)


def write_call(message: JSON) -> str:
    """Write a tool call as a model does whose server does not read it."""
    function = message["tool_calls"][0]["function"]
    call = {"name": function["name"], "arguments": json.loads(function["arguments"])}
    return f"I run a program.\n<tool_call>\n{json.dumps(call)}\n</tool_call>"
