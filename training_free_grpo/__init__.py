"""Training-Free GRPO on LangGraph: an agent learns from groups of its own rollouts, in words."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training_free_grpo.datasets import DatasetError, OverlapError
    from training_free_grpo.errors import UserError
    from training_free_grpo.executors import Cluster, ClusterError
    from training_free_grpo.graders import Grader
    from training_free_grpo.graphs.evaluation import build_evaluation_graph
    from training_free_grpo.graphs.resume import (
        NoSuchRun,
        ais_finished,
        aresume,
        is_finished,
        resume,
    )
    from training_free_grpo.graphs.training import build_training_graph
    from training_free_grpo.imports import ImportNameError
    from training_free_grpo.library import (
        LibraryError,
        LibraryLike,
        export_library,
        load_library,
        save_library,
    )
    from training_free_grpo.lifecycle import close
    from training_free_grpo.metrics import compare_evaluations
    from training_free_grpo.middleware import ExperienceMiddleware
    from training_free_grpo.models import ModelError, Models, Outage, Refused, Unusable
    from training_free_grpo.models.simulation import SimulationWarning
    from training_free_grpo.policy import Policy
    from training_free_grpo.records import (
        Comparison,
        Evaluation,
        EvaluationReport,
        Event,
        Experience,
        Grade,
        Library,
        Metrics,
        Problem,
    )
    from training_free_grpo.rollouts.attempter import Attempter
    from training_free_grpo.rollouts.own_agent import Agent
    from training_free_grpo.runs.folder import RunError
    from training_free_grpo.session.calls import (
        acompare,
        aevaluate,
        atrain,
        compare,
        evaluate,
        train,
    )
    from training_free_grpo.session.given import ModelLike, ToolLike
    from training_free_grpo.session.making import OnEvent
    from training_free_grpo.session.problems import Problems
    from training_free_grpo.session.result import TrainingResult
    from training_free_grpo.settings import Settings, SettingsError
    from training_free_grpo.spending.budget import Budget, OutOfBudget
    from training_free_grpo.storage.postgres import DatabaseError
    from training_free_grpo.storage.sqlite import StorageError
    from training_free_grpo.traces import Traces, load_traces

__version__ = "0.1.0"

_PLACES = {
    "datasets": ("DatasetError", "OverlapError"),
    "errors": ("UserError",),
    "executors": ("Cluster", "ClusterError"),
    "graders": ("Grader",),
    "graphs.evaluation": ("build_evaluation_graph",),
    "graphs.resume": ("NoSuchRun", "ais_finished", "aresume", "is_finished", "resume"),
    "graphs.training": ("build_training_graph",),
    "imports": ("ImportNameError",),
    "library": ("LibraryError", "LibraryLike", "export_library", "load_library", "save_library"),
    "lifecycle": ("close",),
    "metrics": ("compare_evaluations",),
    "middleware": ("ExperienceMiddleware",),
    "models": ("ModelError", "Models", "Outage", "Refused", "Unusable"),
    "models.simulation": ("SimulationWarning",),
    "policy": ("Policy",),
    "records": (
        *("Comparison", "Evaluation", "EvaluationReport", "Event", "Experience", "Grade"),
        *("Library", "Metrics", "Problem"),
    ),
    "rollouts.attempter": ("Attempter",),
    "rollouts.own_agent": ("Agent",),
    "runs.folder": ("RunError",),
    "session.calls": ("acompare", "aevaluate", "atrain", "compare", "evaluate", "train"),
    "session.given": ("ModelLike", "ToolLike"),
    "session.making": ("OnEvent",),
    "session.problems": ("Problems",),
    "session.result": ("TrainingResult",),
    "settings": ("Settings", "SettingsError"),
    "spending.budget": ("Budget", "OutOfBudget"),
    "storage.postgres": ("DatabaseError",),
    "storage.sqlite": ("StorageError",),
    "traces": ("Traces", "load_traces"),
}
"""The public names of the package, by module."""
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "Agent",
    "Attempter",
    "Budget",
    "Cluster",
    "ClusterError",
    "Comparison",
    "DatabaseError",
    "DatasetError",
    "Evaluation",
    "EvaluationReport",
    "Event",
    "Experience",
    "ExperienceMiddleware",
    "Grade",
    "Grader",
    "ImportNameError",
    "Library",
    "LibraryError",
    "LibraryLike",
    "Metrics",
    "ModelError",
    "ModelLike",
    "Models",
    "NoSuchRun",
    "OnEvent",
    "OutOfBudget",
    "Outage",
    "OverlapError",
    "Policy",
    "Problem",
    "Problems",
    "Refused",
    "RunError",
    "Settings",
    "SettingsError",
    "SimulationWarning",
    "StorageError",
    "ToolLike",
    "Traces",
    "TrainingResult",
    "Unusable",
    "UserError",
    "acompare",
    "aevaluate",
    "ais_finished",
    "aresume",
    "atrain",
    "build_evaluation_graph",
    "build_training_graph",
    "close",
    "compare",
    "compare_evaluations",
    "evaluate",
    "export_library",
    "is_finished",
    "load_library",
    "load_traces",
    "resume",
    "save_library",
    "train",
]


def __dir__() -> list[str]:
    return ["__version__", *__all__]


def __getattr__(name: str) -> Any:
    # Imported on first use, so that a tool or a grader alone does not load LangGraph.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
