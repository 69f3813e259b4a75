"""Training-Free GRPO on LangGraph: an agent learns from groups of its own rollouts, in words."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training_free_grpo.evaluations import evaluate
    from training_free_grpo.graphs.evaluation import build_evaluation_graph
    from training_free_grpo.graphs.training import build_training_graph
    from training_free_grpo.library import load_library, save_library
    from training_free_grpo.middleware import ExperienceMiddleware
    from training_free_grpo.models import Models
    from training_free_grpo.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "ExperienceMiddleware",
    "Models",
    "Settings",
    "build_evaluation_graph",
    "build_training_graph",
    "evaluate",
    "load_library",
    "save_library",
]

_PLACES = {
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
