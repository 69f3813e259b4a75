"""Our two nodes against `create_agent`: time per turn of a rollout, and what they share.

    python benchmarks/agent.py [--rollouts 200] [--turns 5]

Both run the same scripted model and the same tool, interleaved, so that a busy machine slows
both; the figure to read is the ratio.
"""

import argparse
import asyncio
import time
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool

from training_free_grpo import Models, Settings
from training_free_grpo.graphs.agent import build_agent_graph
from training_free_grpo.rollouts.react import ReactAgent
from training_free_grpo.rollouts.toolbox import make_toolbox


@tool
def look_up(word: str) -> str:
    """Look a word up."""
    return f"{word} is a word"


class Scripted(BaseChatModel):
    """Calls the tool until it has made its turns, then answers."""

    turns: int

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        """Take tools; the script knows them already."""
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        made = sum(isinstance(m, AIMessage) for m in messages)
        call = {"name": "look_up", "args": {"word": "tea"}, "id": f"call-{made}"}
        last = made + 1 >= self.turns
        answer = AIMessage(r"\boxed{1}") if last else AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=answer)])

    async def _agenerate(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> ChatResult:
        return self._generate(messages)


async def time_rollouts(agent: Any, rollouts: int, **options: Any) -> float:
    """Return the CPU seconds of that many rollouts, one after the other."""
    started = time.process_time()
    for _ in range(rollouts):
        await agent.ainvoke({"messages": [HumanMessage("Look tea up.")]}, **options)
    return time.process_time() - started


async def main(rollouts: int, turns: int) -> None:
    """Time both agents in turns and print the milliseconds per model call."""
    model = Scripted(turns=turns)
    ours = build_agent_graph(ReactAgent(Models(model), make_toolbox([look_up])))
    theirs = create_agent(model, [look_up], system_prompt="Solve it.")
    settings = Settings(max_turns=turns + 1)
    spent = {"two nodes": 0.0, "create_agent": 0.0}
    for _ in range(5):
        spent["two nodes"] += await time_rollouts(ours, rollouts // 5, context=settings)
        spent["create_agent"] += await time_rollouts(theirs, rollouts // 5)
    for name, seconds in spent.items():
        print(f"{name:13} {1000 * seconds / (rollouts * turns):.2f} ms of CPU per turn")
    print(f"ratio         {spent['two nodes'] / spent['create_agent']:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=200)
    parser.add_argument("--turns", type=int, default=5)
    asyncio.run(main(**vars(parser.parse_args())))
