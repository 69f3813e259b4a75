"""Evaluation and training as tools of a supervisor agent, which decides when to learn."""

from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool, tool

from training_free_grpo import Budget, Settings, build_evaluation_graph, build_training_graph
from training_free_grpo.simulated import heldout_problems, training_problems

SETTINGS = Settings(epochs=1, batch_size=10, group_size=4, tools="none")


def make_tools(settings: Settings = SETTINGS) -> list[BaseTool]:
    """Make the tools; what was learned stays with them, and the supervisor hears figures only."""
    training = build_training_graph(settings=settings, budget=Budget(calls=2_000))
    evaluation = build_evaluation_graph(settings=settings, budget=Budget(calls=2_000))
    learned: dict[str, Any] = {}

    @tool
    async def measure() -> str:
        """Measure how many held-out problems the agent solves with what it has learned so far."""
        given = {"problems": heldout_problems()[:6], "library": learned.get("library")}
        found = await evaluation.ainvoke(given)
        return f"mean reward {found['evaluation']['mean']:.2f}"

    @tool
    async def learn(problems: int) -> str:
        """Learn lessons from this many training problems."""
        given = {"problems": training_problems()[:problems], "library": learned.get("library")}
        found = await training.ainvoke(given)
        learned["library"] = found["library"]
        return f"{len(found['library']['experiences'])} lessons in the library"

    return [measure, learn]


def build_supervisor(model: BaseChatModel) -> Any:
    """Build the supervisor."""
    return create_agent(model, make_tools(), system_prompt="Measure, learn, and measure again.")
