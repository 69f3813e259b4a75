"""Evaluate an agent with and without its library, in one call."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.tools import BaseTool

from training_free_grpo.graders import Grader
from training_free_grpo.graphs.evaluation import build_evaluation_graph
from training_free_grpo.models import Models
from training_free_grpo.records import Evaluation, Library
from training_free_grpo.rollouts.own_agent import Agent
from training_free_grpo.settings import Settings


def evaluate(
    problems: Iterable[Any],
    library: Library | Mapping[str, Any] | None = None,
    settings: Settings | None = None,
    *,
    agent: Agent | None = None,
    grader: Grader | None = None,
    tools: Sequence[BaseTool] | None = None,
    models: Models | None = None,
) -> Evaluation:
    """Attempt each problem `settings.attempts` times, with the library if one is given.

    The library may be in the reference's form, `{"G0": "text"}`.
    """
    graph = build_evaluation_graph(agent, grader, tools, models=models)
    given = {"problems": list(problems), "library": library}
    result = graph.invoke(given, context=settings or Settings())
    evaluation: Evaluation = result["evaluation"]
    return evaluation
