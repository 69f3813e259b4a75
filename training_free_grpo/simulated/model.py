"""The chat model, which recognizes its role from the prompt."""

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from random import Random
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.messages.tool import tool_call
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from training_free_grpo.prompts import read_prompt
from training_free_grpo.simulated.answers import err
from training_free_grpo.simulated.blocks import read_block, read_lessons
from training_free_grpo.simulated.comparison import extract_advantage
from training_free_grpo.simulated.editing import edit_experiences
from training_free_grpo.simulated.policy import Reply, solve
from training_free_grpo.simulated.prior import generate_lessons
from training_free_grpo.simulated.summary import summarize

NAME = "simulated"


class SimulatedModel(BaseChatModel):
    """A chat model that follows rules: same seed, attempt and messages, same answer everywhere."""

    seed: int = 42

    @property
    def _llm_type(self) -> str:
        return NAME

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools; the model uses those named run_python and web_search."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._answer(messages, **kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._answer(messages, **kwargs)

    def _answer(
        self,
        messages: list[BaseMessage],
        seed: int | None = None,
        attempt: int = 0,
        tools: Sequence[dict[str, Any]] = (),
        **ignored: Any,
    ) -> ChatResult:
        salt = hash_call(self.seed if seed is None else seed, attempt, messages)
        names = [tool.get("function", tool).get("name", "") for tool in tools]
        reply = play_role(messages, names, Random(salt))
        message = make_message(reply, salt, sum(len(m.text) for m in messages))
        return ChatResult(generations=[ChatGeneration(message=message)])


def hash_call(seed: int, attempt: int, messages: Sequence[BaseMessage]) -> str:
    """Hash everything that a call depends on."""
    texts = [[message.type, message.text] for message in messages]
    return sha256(json.dumps([seed, attempt, texts]).encode()).hexdigest()


def play_role(messages: list[BaseMessage], tools: list[str], rng: Random) -> Reply:
    """Answer in the role that the prompt asks for, by default as the agent."""
    system = "\n".join(m.text for m in messages if isinstance(m, SystemMessage))
    humans = [m.text for m in messages if isinstance(m, HumanMessage)]
    prompt = humans[0] if humans else ""
    if "<attempt n=" in prompt:
        text = extract_advantage(system, prompt)
    elif "<proposal " in prompt:
        text = edit_experiences(system, prompt)
    elif "<trajectory" in prompt:
        return Reply(summarize(prompt))
    elif system.startswith(first_sentence("generate_lessons")):
        text = generate_lessons(prompt, rng)
    else:
        return solve(messages, tools, rng)
    if humans[-1].startswith(first_sentence("repair")):
        return Reply(text)
    return Reply(err(text, read_lessons(read_block("library", prompt)), rng))


def first_sentence(name: str) -> str:
    """Return the start of a prompt, which identifies it: it contains no values."""
    return read_prompt(name).splitlines()[0].partition("{{")[0].strip()


def make_message(reply: Reply, salt: str, read: int) -> AIMessage:
    """Return the reply as a chat model's message: tool calls, finish reason and token counts."""
    calls = []
    if reply.call:
        name, argument, value = reply.call
        calls = [tool_call(name=name, args={argument: value}, id=f"call_{salt[:12]}")]
    written = len(reply.text) + sum(len(str(call["args"])) for call in calls)
    given, taken = max(read // 4, 1), max(written // 4, 1)
    return AIMessage(
        content=reply.text,
        tool_calls=calls,
        usage_metadata=UsageMetadata(
            input_tokens=given,
            output_tokens=taken,
            total_tokens=given + taken,
            input_token_details=InputTokenDetails(cache_read=0),
        ),
        response_metadata={
            "finish_reason": "tool_calls" if calls else "stop",
            "model_name": NAME,
        },
    )
