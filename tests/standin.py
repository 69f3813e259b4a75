"""An OpenAI-compatible server on this machine that plays every role of the loop.

It recognises a call by the blocks of its prompt, answers from the prompt and a count of how often
that prompt came before, and notes what it was asked: the tests' only double, at the real boundary.
Also by hand: `python tests/standin.py problems.jsonl`.
"""

import asyncio
import json
import re
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

JSON = dict[str, Any]

_CHARACTERS_PER_TOKEN = 4
_CACHE_BLOCK = 64
"""Tokens; what prompts share is cached in whole blocks, as providers do it."""
_KNOWN = frozenset(
    (
        *("model", "messages", "stream", "stream_options", "temperature", "top_p", "n", "seed"),
        *("max_tokens", "max_completion_tokens", "stop", "tools", "tool_choice"),
        *("parallel_tool_calls", "response_format", "logprobs", "user", "reasoning_effort"),
    )
)
_PROPOSAL = re.compile(
    r'<proposal n="(P\d+)" operation="(\w+)" ids="([^"]*)"[^>]*>\n(.*?)\nWhy:', re.DOTALL
)


@dataclass
class Call:
    """One request, and what became of it."""

    number: int
    role: str
    body: JSON
    problem: str
    at: float
    connection: str
    rollout: int = 0
    """How many rollouts of this very prompt came before; 0 in other roles."""
    fault: str | None = None
    ended: float | None = None
    """When its answer went out; None while it is on its way."""
    usage: JSON | None = None
    """Tokens that were charged for: only an answer that went out whole costs anything."""

    @property
    def system(self) -> str:
        return str(self.messages[0]["content"])

    @property
    def messages(self) -> list[JSON]:
        return list(self.body["messages"])

    @property
    def question(self) -> str:
        return next(str(m["content"]) for m in self.messages if m["role"] == "user")

    @property
    def first_turn(self) -> bool:
        return not any(m["role"] == "assistant" for m in self.messages)


Faults = Callable[[Call], str | None]
"""Says how a call goes wrong: a name from FAULTS, or None."""


def in_order(*faults: str | None) -> Faults:
    """Give the first calls these faults, in the order of arrival; the rest none."""
    return lambda call: faults[call.number] if call.number < len(faults) else None


def by_share(seed: int, **shares: float) -> Faults:
    """Draw a fault for a share of the calls."""

    def draw(call: Call) -> str | None:
        at = share(seed, "fault", call.number)
        for name, size in shares.items():
            if at < size:
                return name
            at -= size
        return None

    return draw


def share(*parts: object) -> float:
    """Hash the parts to a number from 0 up to 1."""
    return int(sha256(repr(parts).encode()).hexdigest()[:8], 16) / 2**32


@dataclass
class StandIn:
    """The server: `with StandIn(answers) as server`, then `server.url`. All of it may be changed
    while it runs.
    """

    answers: Mapping[str, str] = field(default_factory=dict)
    """The truth by problem text; the server answers right when `right` says so."""
    seed: int = 0
    latency: float | Callable[[Call], float] = 0.0
    """Seconds before an answer."""
    tool_share: float = 0.0
    """Share of the rollouts that run a program before they answer."""
    tool_turns: int = 1
    lesson_share: float = 1.0
    """Share of the comparisons that propose a lesson; the others find nothing new."""
    right: Callable[[str, int], bool] | None = None
    """Whether rollout n of a problem succeeds; None draws it from the seed, half and half."""
    faults: Faults | None = None
    retry_after: float = 1.0
    at_once: int | None = None
    """Most calls that it serves at once; it answers 429 to those beyond."""
    per_second: int | None = None
    """Most calls that it takes in any second; it answers 429 to those beyond."""
    refuses: Collection[str] = ()
    """What it answers with 400: `json_schema`, `tools`."""
    tells_usage: bool = True
    """Whether its answers say how many tokens they took."""
    knows: Collection[str] = ()
    """Arguments that it takes beside OpenAI's; it answers 400 to any other."""
    status: int | None = None
    """Answer every chat request with this status."""

    def __post_init__(self) -> None:
        self.calls: list[Call] = []
        self.in_flight = self.peak = self.peak_connections = 0
        self._taken: list[float] = []
        self.connections: set[str] = set()
        self._open: set[Any] = set()
        self._seen: Counter[str] = Counter()
        self._lost: defaultdict[str, list[int]] = defaultdict(list)
        self._prefixes: set[str] = set()
        self._changed = threading.Condition()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30), "the stand-in did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def of(self, role: str) -> list[Call]:
        """Return the calls of a role, in the order of arrival."""
        return [call for call in self.calls if call.role == role]

    def count(self) -> dict[str, int]:
        """Count the calls by role."""
        return dict(Counter(call.role for call in self.calls))

    def forget(self, calls: Collection[int]) -> None:
        """Number the rollouts of these calls anew: their answers died with who asked for them."""
        for call in self.calls:
            if call.number in calls:
                self._take_back(call)

    def usage(self) -> dict[str, dict[str, int]]:
        """Add up what was charged for, by role, in the words of our ledger."""
        totals: dict[str, dict[str, int]] = defaultdict(
            lambda: {"calls": 0, "input": 0, "cached": 0, "output": 0}
        )
        for call in self.calls:
            if call.usage is not None:
                total = totals[call.role]
                total["calls"] += 1
                total["input"] += call.usage["prompt_tokens"]
                total["cached"] += call.usage["prompt_tokens_details"]["cached_tokens"]
                total["output"] += call.usage["completion_tokens"]
        return dict(totals)

    def wait_for(self, met: Callable[[], bool], seconds: float = 180) -> None:
        """Wait until a request makes the condition true."""
        with self._changed:
            assert self._changed.wait_for(met, seconds), f"never came to it: {self.count()}"

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=2**26)
        self._route(app.router)
        # Cancelled handlers: a client that was killed leaves nothing in flight.
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        self.port: int = runner.addresses[0][1]
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    def _route(self, router: web.UrlDispatcher) -> None:
        router.add_post("/v1/chat/completions", self._chat)
        router.add_get("/v1/models", self._models)

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "stand-in"}]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        call = self._note(request, await request.json())
        if call.fault == "too_many":
            return await self._rate_limit(request)
        with self._flight(call):
            if latency := self.latency(call) if callable(self.latency) else self.latency:
                await asyncio.sleep(latency)
            if refusal := self._refusal(call):
                return refusal
            if call.fault in _BROKEN:
                return await _BROKEN[call.fault](self, request)
            return await self._send(request, call, play(self, call))

    def _note(self, request: web.Request, body: JSON) -> Call:
        peer = str(request.transport and request.transport.get_extra_info("peername"))
        self.connections.add(peer)
        self._open = {t for t in (*self._open, request.transport) if t and not t.is_closing()}
        self.peak_connections = max(self.peak_connections, len(self._open))
        role, problem = find_role(body["messages"])
        call = Call(len(self.calls), role, body, problem, time.monotonic(), peer)
        call.rollout = self._number(call)
        if self._is_full(call.at):
            call.fault = "too_many"
        elif self.faults:
            call.fault = self.faults(call)
        if call.fault in UNANSWERED:
            self._take_back(call)
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()
        return call

    def _number(self, call: Call) -> int:
        """Number the rollouts of one prompt; later turns bring the number back in a call's id."""
        if call.role != "rollout":
            return 0
        for message in call.messages:
            for tool_call in message.get("tool_calls") or []:
                return int(str(tool_call["id"]).split("_")[1])
        key = _prompt(call)
        if self._lost[key]:
            return self._lost[key].pop(0)
        self._seen[key] += 1
        return self._seen[key] - 1

    def _take_back(self, call: Call) -> None:
        """Give the number of a rollout that got no answer to the next one: it will ask again."""
        if call.role == "rollout" and call.first_turn:
            self._lost[_prompt(call)].append(call.rollout)

    def _is_full(self, now: float) -> bool:
        """Tell whether a call is one too many; one that is not counts from now."""
        self._taken = [at for at in self._taken if at > now - 1]
        many = self.per_second is not None and len(self._taken) >= self.per_second
        if many or (self.at_once is not None and self.in_flight >= self.at_once):
            return True
        self._taken.append(now)
        return False

    @contextmanager
    def _flight(self, call: Call) -> Iterator[None]:
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            yield
        finally:
            self.in_flight -= 1
            call.ended = time.monotonic()

    def _refusal(self, call: Call) -> web.Response | None:
        if self.status is not None:
            return refuse(self.status, f"status {self.status} on demand")
        if unknown := sorted(call.body.keys() - _KNOWN - set(self.knows)):
            return refuse(400, f"Unrecognized request argument supplied: {', '.join(unknown)}")
        form = call.body.get("response_format", {}).get("type")
        if form == "json_schema" and "json_schema" in self.refuses:
            return refuse(400, "response_format json_schema is not supported")
        if call.body.get("tools") and "tools" in self.refuses:
            return refuse(400, "tools are not supported")
        return None

    async def _send(
        self, request: web.Request, call: Call, reply: tuple[JSON, str]
    ) -> web.StreamResponse:
        message, finish = reply
        usage = self._charge(call, message)
        head: JSON = {"id": f"chatcmpl-{call.number}", "created": 0, "model": "stand-in"}
        if not call.body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": finish}
            head |= {"object": "chat.completion", "choices": [choice]}
            head |= {"usage": usage} if self.tells_usage else {}
            call.usage = usage
            return web.json_response(head)
        head |= {"object": "chat.completion.chunk"}
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in chunks(message, None if call.fault == "broken_stream" else finish):
            await response.write(event(head | {"choices": [chunk]}))
        if call.fault == "broken_stream":
            return response
        if call.body.get("stream_options", {}).get("include_usage"):
            await response.write(event(head | {"choices": [], "usage": usage}))
        await response.write(b"data: [DONE]\n\n")
        call.usage = usage
        return response

    def _charge(self, call: Call, message: JSON) -> JSON:
        prompt = "".join(f"{m['role']}\n{m.get('content')}\n" for m in call.messages)
        given = max(len(prompt) // _CHARACTERS_PER_TOKEN, 1)
        taken = max(len(json.dumps(message)) // _CHARACTERS_PER_TOKEN, 1)
        cached = self._cached(prompt)
        return {
            "prompt_tokens": given,
            "completion_tokens": taken,
            "total_tokens": given + taken,
            "prompt_tokens_details": {"cached_tokens": cached},
        }

    def _cached(self, prompt: str) -> int:
        """Return the tokens that this prompt shares, from its start, with an earlier one."""
        size, digest, blocks = _CACHE_BLOCK * _CHARACTERS_PER_TOKEN, sha256(), []
        for start in range(0, len(prompt) - size + 1, size):
            digest.update(prompt[start : start + size].encode())
            blocks.append(digest.hexdigest())
        known = next((n for n, b in enumerate(blocks) if b not in self._prefixes), len(blocks))
        self._prefixes.update(blocks)
        return known * _CACHE_BLOCK

    async def _rate_limit(self, request: web.Request) -> web.StreamResponse:
        response = refuse(429, "too many requests")
        response.headers["Retry-After"] = str(self.retry_after)
        return response

    async def _no_quota(self, request: web.Request) -> web.StreamResponse:
        return refuse(429, "you exceeded your quota", "insufficient_quota")

    async def _server_error(self, request: web.Request) -> web.StreamResponse:
        return refuse(500, "the server failed")

    async def _garbage(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text='{"id": "chatcmpl-', content_type="application/json")

    async def _broken_body(self, request: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": "application/json", "Content-Length": "1000"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(b'{"id": "chatcmpl-')
        assert request.transport is not None
        request.transport.close()
        return response

    async def _unavailable(self, request: web.Request) -> web.StreamResponse:
        return refuse(503, "the server is busy")

    async def _overloaded(self, request: web.Request) -> web.StreamResponse:
        return refuse(529, "overloaded")

    async def _timed_out(self, request: web.Request) -> web.StreamResponse:
        return refuse(408, "the request took too long")

    async def _too_long(self, request: web.Request) -> web.StreamResponse:
        said = "the prompt is longer than the model's maximum context length"
        return refuse(400, said, "context_length_exceeded")

    async def _error_page(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Come back later.</html>", content_type="text/html")

    async def _error_object(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": "the provider failed", "code": 502}})

    async def _no_choices(self, request: web.Request) -> web.StreamResponse:
        head = {"id": "chatcmpl-0", "object": "chat.completion", "created": 0, "model": "stand-in"}
        return web.json_response(head | {"choices": []})

    async def _trickle(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    async def _hang(self, request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError


_BROKEN: dict[str | None, Callable[[StandIn, web.Request], Awaitable[web.StreamResponse]]] = {
    "rate_limit": StandIn._rate_limit,
    "no_quota": StandIn._no_quota,
    "server_error": StandIn._server_error,
    "garbage": StandIn._garbage,
    "broken_body": StandIn._broken_body,
    "unavailable": StandIn._unavailable,
    "overloaded": StandIn._overloaded,
    "timed_out": StandIn._timed_out,
    "too_long": StandIn._too_long,
    "error_page": StandIn._error_page,
    "error_object": StandIn._error_object,
    "no_choices": StandIn._no_choices,
    "trickle": StandIn._trickle,
    "hang": StandIn._hang,
}
UNANSWERED = (*_BROKEN, "too_many", "empty", "cut_off", "withheld", "refusal", "broken_stream")
"""Faults after which a call is made again, and is the same call."""
FAULTS = (
    *_BROKEN,
    *("empty", "cut_off", "withheld", "refusal"),
    "broken_stream",  # where it streams
    *("not_json", "wrong_schema"),  # in reflection, and of judges
    *("bad_arguments", "listed_arguments", "one_of_two", "unknown_tool"),  # in rollouts
)


def _prompt(call: Call) -> str:
    """Return what all rollouts of a prompt have in common."""
    return json.dumps(call.messages[:2])


def refuse(status: int, said: str, code: str | None = None) -> web.Response:
    """Answer with an error in OpenAI's form."""
    error = {"message": said, "type": "error", "code": code}
    return web.json_response({"error": error}, status=status)


def event(data: JSON) -> bytes:
    """Write one server-sent event."""
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def chunks(message: JSON, finish: str | None) -> Iterator[JSON]:
    """Cut a message into the pieces of a stream."""
    yield {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    text = message["content"] or ""
    for start in range(0, len(text), 40):
        delta = {"content": text[start : start + 40]}
        yield {"index": 0, "delta": delta, "finish_reason": None}
    for n, tool_call in enumerate(message.get("tool_calls") or []):
        delta = {"tool_calls": [{"index": n, **tool_call}]}
        yield {"index": 0, "delta": delta, "finish_reason": None}
    yield {"index": 0, "delta": {}, "finish_reason": finish}


def find_role(messages: list[JSON]) -> tuple[str, str]:
    """Tell by its blocks what a prompt asks for; return the role, and the problem in it."""
    prompt = next((str(m["content"]) for m in messages if m["role"] == "user"), "")
    problem = re.search(r"<problem>\n(.*?)\n</problem>", prompt, re.DOTALL)
    found = problem[1] if problem else ""
    if "<response>" in prompt:
        return "judge", found
    if "<attempt n=" in prompt:
        return "extract_advantage", found
    if "<proposal " in prompt:
        return "edit_experiences", ""
    if "<trajectory>" in prompt:
        return "summarize", found
    if "<library>" in prompt:  # lessons from the problem alone
        return "extract_advantage", found
    return "rollout", prompt


def play(server: StandIn, call: Call) -> tuple[JSON, str]:
    """Return the message that answers a call, and why it ends."""
    if call.fault == "empty":
        return say(""), "stop"
    if call.fault == "cut_off":
        return say('{"reasoning": "I was about to'), "length"
    if call.fault == "withheld":
        return say("I was about to"), "content_filter"
    if call.fault == "refusal":
        return {"role": "assistant", "content": None, "refusal": "I cannot help with that."}, "stop"
    if call.role == "rollout":
        return attempt(server, call)
    if call.role == "summarize":
        return say(summary(call)), "stop"
    if call.fault == "not_json":
        return say('{"reasoning": "no end'), "stop"
    if call.fault == "wrong_schema":
        return structured(call, {"operations": "none", "correct": "perhaps"})
    return structured(call, judgement(call) if call.role == "judge" else lessons(server, call))


def say(text: str) -> JSON:
    """Make a message of text."""
    return {"role": "assistant", "content": text}


def ask(id: str, name: str, arguments: str) -> JSON:
    """Make a message that calls a tool."""
    call = {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def attempt(server: StandIn, call: Call) -> tuple[JSON, str]:
    """Attempt the problem: perhaps a program first, then a right or a wrong answer."""
    turns = sum(m["role"] == "assistant" for m in call.messages)
    number = call.rollout
    if call.body.get("tools"):
        id = f"call_{number}_{turns}"
        if call.fault == "bad_arguments":
            return ask(id, "run_python", '{"code": print('), "tool_calls"
        if call.fault == "listed_arguments":
            return ask(id, "run_python", '["print(6 * 7)"]'), "tool_calls"
        if call.fault == "one_of_two":
            good = ask(id, "run_python", json.dumps({"code": "print(6 * 7)"}))
            good["tool_calls"] += ask(f"{id}_2", "run_python", '{"code": ')["tool_calls"]
            return good, "tool_calls"
        if call.fault == "unknown_tool":
            return ask(id, "telephone", "{}"), "tool_calls"
        uses = share(server.seed, "tool", call.problem, number) < server.tool_share
        if uses and turns < server.tool_turns:
            return ask(id, "run_python", json.dumps({"code": "print(6 * 7)"})), "tool_calls"
    truth = server.answers.get(call.problem, "0")
    drawn = share(server.seed, "right", call.problem, number) < 0.5
    right = server.right(call.problem, number) if server.right else drawn
    wrong = "-1234567" if truth != "-1234567" else "-1"
    return say(f"I work it out. The answer is \\boxed{{{truth if right else wrong}}}."), "stop"


def summary(call: Call) -> str:
    """Say what an attempt did, in words that depend on its record."""
    record = str(call.messages[-1]["content"])
    used = "ran a program" if "[tool call]" in record else "worked in its head"
    return f"1. The agent {used} ({mark(record)}).\nOutcome: it gave one boxed answer."


def judgement(call: Call) -> JSON:
    """Judge a response right if the last thing in a box is one of the accepted answers."""
    prompt = call.question
    truths = re.findall(r"<truth>\n(.*?)\n</truth>", prompt, re.DOTALL)[0].split(" | ")
    answer = (re.findall(r"\\boxed{(.*?)}", prompt) or [""])[-1]
    return {
        "reasoning": "They were compared.",
        "extracted_answer": answer,
        "correct": "correct" if answer in truths else "incorrect",
        "confidence": 1.0,
    }


def mark(*parts: object) -> str:
    """Make a word that differs for different parts."""
    return sha256(repr(parts).encode()).hexdigest()[:6]


def lessons(server: StandIn, call: Call) -> JSON:
    """Answer a comparison or an edit, from the problem or the proposals alone."""
    prompt = call.question
    if call.role == "edit_experiences":
        operations = list(plan(prompt))
    else:
        known = re.findall(r"^\[(G\d+)\] (.*)$", prompt, re.MULTILINE)
        new = share(server.seed, "lesson", call.problem, known) < server.lesson_share
        operations = [propose(call.problem, known)] if new else []
    return {"reasoning": "They parted at the first step.", "operations": operations}


def propose(problem: str, known: list[tuple[str, str]]) -> JSON:
    """Propose a lesson that the library lacks, or for some problems another wording of the oldest.

    Nothing but problem and library decide, so that a run that was interrupted learns the same.
    """
    one, two, three, four = (mark(problem, known, n) for n in range(4))
    content = f"Rule {one}: when a problem shows {two}, write {three} down before {four}."
    update = bool(known) and share("update", problem) < 0.3
    return {
        "operation": "update" if update else "add",
        "ids": [known[0][0]] if update else [],
        "content": content,
        "rationale": "The better attempts did so.",
    }


def plan(prompt: str) -> Iterator[JSON]:
    """Take every proposal, and of several about one lesson the first."""
    taken: set[str] = set()
    for source, operation, ids, content in _PROPOSAL.findall(prompt):
        if not taken & set(ids.split()):
            taken |= set(ids.split())
            found = {"operation": operation, "ids": [*ids.split(), source]}
            yield found | {"content": content, "rationale": "Nothing speaks against it."}


def structured(call: Call, answer: JSON) -> tuple[JSON, str]:
    """Give an answer in the form that was asked for: by schema, by tool or in text."""
    if tools := call.body.get("tools"):
        name = tools[0]["function"]["name"]
        return ask(f"call_0_{call.number}", name, json.dumps(answer)), "tool_calls"
    if call.body.get("response_format"):
        return say(json.dumps(answer)), "stop"
    return say(f"Here it is:\n```json\n{json.dumps(answer)}\n```"), "stop"


def main() -> None:
    """Serve a data set until interrupted."""
    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]
    answers = {str(row["problem"]).strip(): str(row["answer"]) for row in rows}
    with StandIn(answers, tool_share=0.5) as server, suppress(KeyboardInterrupt):
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
