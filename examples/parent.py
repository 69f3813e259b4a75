"""Training as a node of your own graph, which has a context and a state of its own."""

from dataclasses import dataclass
from typing import Any

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from training_free_grpo import Settings, build_training_graph
from training_free_grpo.records import Problem
from training_free_grpo.simulated import training_problems


@dataclass
class Tenant:
    """Your context: who asks."""

    name: str
    plan: str = "free"


class Work(TypedDict, total=False):
    """Your state. Only `library`, `metrics` and `usage` come back from training."""

    problems: list[Problem]
    library: dict[str, Any]
    usage: dict[str, Any]
    step: str
    summary: str


def settings_of(tenant: Tenant) -> Settings:
    """Say what a tenant's training may take."""
    return Settings(epochs=1, batch_size=10, group_size=5 if tenant.plan == "paid" else 2)


def collect(state: Work) -> Work:
    """Find what to learn from."""
    return {"problems": training_problems()[:4], "step": "collected"}


def summarize(state: Work) -> Work:
    """Say what was learned."""
    lessons = state["library"]["experiences"]
    return {"summary": f"{len(lessons)} lessons, {state['usage']['rollout']['calls']} rollouts"}


def build_graph() -> Any:
    """Build the graph around the training graph."""
    graph = StateGraph(Work, context_schema=Tenant)
    graph.add_node("collect", collect)
    graph.add_node("train", build_training_graph(settings=settings_of))
    graph.add_node("summarize", summarize)
    graph.add_edge(START, "collect")
    graph.add_edge("collect", "train")
    graph.add_edge("train", "summarize")
    graph.add_edge("summarize", END)
    return graph.compile()


if __name__ == "__main__":
    print(build_graph().invoke({}, context=Tenant("ann", "paid"))["summary"])
