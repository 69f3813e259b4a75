"""Training-Free GRPO on LangGraph: an agent learns from groups of its own rollouts, in words."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training_free_grpo.evaluations import evaluate
    from training_free_grpo.graphs.evaluation import build_evaluation_graph
    from training_free_grpo.graphs.resume import (
        NoSuchRun,
        ais_finished,
        aresume,
        is_finished,
        resume,
    )
    from training_free_grpo.graphs.training import build_training_graph
    from training_free_grpo.library import load_library, save_library
    from training_free_grpo.middleware import ExperienceMiddleware
    from training_free_grpo.models import Models
    from training_free_grpo.policy import Policy
    from training_free_grpo.settings import Settings
    from training_free_grpo.spending.budget import Budget, OutOfBudget

__version__ = "0.1.0"

__all__ = [
    "Budget",
    "ExperienceMiddleware",
    "Models",
    "NoSuchRun",
    "OutOfBudget",
    "Policy",
    "Settings",
    "ais_finished",
    "aresume",
    "build_evaluation_graph",
    "build_training_graph",
    "evaluate",
    "is_finished",
    "load_library",
    "resume",
    "save_library",
]

_PLACES = {
    "Budget": "spending.budget",
    "NoSuchRun": "graphs.resume",
    "OutOfBudget": "spending.budget",
    "Policy": "policy",
    "ais_finished": "graphs.resume",
    "aresume": "graphs.resume",
    "is_finished": "graphs.resume",
    "resume": "graphs.resume",
    "ExperienceMiddleware": "middleware",
    "Models": "models",
    "Settings": "settings",
    "build_evaluation_graph": "graphs.evaluation",
    "build_training_graph": "graphs.training",
    "evaluate": "evaluations",
    "load_library": "library",
    "save_library": "library",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    # Imported when first used, so that a tool or a grader alone loads no LangGraph.
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
