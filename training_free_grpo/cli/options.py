"""The options that the commands share, and the settings they add up to."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer
from langchain_core.runnables import Runnable, RunnableLambda

from training_free_grpo.datasets import NAMED
from training_free_grpo.graphs.parts import Agent
from training_free_grpo.imports import ImportNameError, load_object
from training_free_grpo.library import load_library
from training_free_grpo.records import Library
from training_free_grpo.settings import PRESETS, Settings, SettingsError

Dataset = Annotated[
    str,
    typer.Argument(help=f"{', '.join(NAMED)}; a JSONL, JSON or CSV file; or hf:owner/name:split."),
]
RunsDir = Annotated[Path, typer.Option(help="Folder of the runs.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object last on stdout.")]
Config = Annotated[Path | None, typer.Option(help="TOML file of settings; flags go before it.")]
Preset = Annotated[str | None, typer.Option(help=f"Starting point: {', '.join(PRESETS)}.")]
Model = Annotated[
    str | None, typer.Option(help="openai:NAME, any provider:name, simulated, or recorded:FILE.")
]
BaseUrl = Annotated[str | None, typer.Option(help="OpenAI-compatible endpoint of the model.")]
ReflectionModel = Annotated[str | None, typer.Option(help="Model that words the lessons.")]
ReflectionUrl = Annotated[str | None, typer.Option(help="Endpoint of the reflection model.")]
JudgeModel = Annotated[str | None, typer.Option(help="Model for what a grader leaves open.")]
AgentName = Annotated[str | None, typer.Option("--agent", help="Your agent, as module:attr.")]
GraderName = Annotated[
    str,
    typer.Option(
        "--grader", help="math, qa, judge, or your own as module:attr; auto: by data set."
    ),
]
GroupSize = Annotated[int | None, typer.Option(help="Rollouts per problem.")]
Concurrency = Annotated[int | None, typer.Option(help="Rollouts and model calls at once.")]
Temperature = Annotated[float | None, typer.Option(help="Temperature of the rollouts.")]
Seed = Annotated[int | None, typer.Option(help="Draws batches, seeds the embedded models.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Use the first N problems.")]
Sample = Annotated[int | None, typer.Option(min=1, help="Draw N problems, always the same.")]
Map = Annotated[
    list[str] | None, typer.Option("--map", help="Where rows keep it, as answer=FIELD; repeatable.")
]
AllowOverlap = Annotated[
    bool, typer.Option("--allow-overlap", help="Evaluate on problems that were trained on.")
]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="Any other setting, as NAME=VALUE; repeatable.")
]

NO_DEFAULTS: Mapping[str, Any] = MappingProxyType({})


def find_library(place: Path, runs_dir: Path) -> Library:
    """Load a library from a file, a run folder, or the name of a run."""
    named = runs_dir / place
    return load_library(named if not place.exists() and named.exists() else place)


def read_settings(
    preset: str | None,
    config: Path | None,
    pairs: list[str] | None,
    *,
    defaults: Mapping[str, Any] = NO_DEFAULTS,
    **flags: Any,
) -> Settings:
    """Add up the settings: defaults, preset, file, --set, flags; the later wins."""
    options = dict(defaults)
    if preset is not None:
        if preset not in PRESETS:
            raise SettingsError(f"preset {preset!r} is unknown; there are: {', '.join(PRESETS)}")
        options |= PRESETS[preset]
    if config is not None:
        options |= Settings.read_file(config)
    options |= dict(read_pair(pair) for pair in pairs or [])
    options |= {name: value for name, value in flags.items() if value is not None}
    return Settings.read(options)


def read_pair(pair: str) -> tuple[str, Any]:
    """Read NAME=VALUE; pydantic makes numbers of digits."""
    name, equals, value = pair.partition("=")
    if not equals:
        raise SettingsError(f"--set {pair!r} is not of the form NAME=VALUE")
    return name.strip().replace("-", "_"), value.strip()


def read_agent(name: str | None) -> Agent | None:
    """Load the user's agent: a runnable, a function of messages, or one that makes either."""
    if name is None:
        return None
    found = load_object(name, "agent")
    if callable(found) and not isinstance(found, Runnable):
        found = make_agent(name, found)
    if not isinstance(found, Runnable):
        raise ImportNameError(
            f"agent {name!r} is {type(found).__name__}, not a runnable: name a compiled graph, a "
            "chat model, or a function without arguments that returns one"
        )
    return found


def make_agent(name: str, function: Callable[..., Any]) -> Any:
    """Call a function without parameters; one that takes the messages is an agent itself."""
    if inspect.signature(function).parameters:
        return RunnableLambda(function)
    try:
        return function()
    except Exception as error:
        raise ImportNameError(
            f"agent {name!r}: calling it failed: {type(error).__name__}: {error}"
        ) from error
