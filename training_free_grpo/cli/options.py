"""The options that the commands share, and how they become settings."""

import json
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from training_free_grpo.cli.output import hush
from training_free_grpo.datasets import NAMED
from training_free_grpo.executors import Cluster, ClusterError
from training_free_grpo.inspect_logs import check_inspect
from training_free_grpo.model_name import SIMULATED
from training_free_grpo.session.problems import defaults_of
from training_free_grpo.settings import PRESETS, Settings, SettingsError, read_options
from training_free_grpo.spending.budget import Budget


def default_of(setting: str) -> str:
    """Return the default of a setting, to show for a flag whose own default is None."""
    return str(Settings.model_fields[setting].default)


Dataset = Annotated[
    str,
    typer.Argument(help=f"{', '.join(NAMED)}; a JSONL, JSON or CSV file; or hf:owner/name:split."),
]
RunsDir = Annotated[Path, typer.Option(help="Folder that holds the runs.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON object on stdout.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", callback=hush, help="Print only results and errors.")
]
Config = Annotated[Path | None, typer.Option(help="TOML file of settings; flags override it.")]
Preset = Annotated[str | None, typer.Option(help=f"Starting point: {', '.join(PRESETS)}.")]
Model = Annotated[
    str | None, typer.Option(help="openai:NAME, any provider:name, simulated, or recorded:FILE.")
]
BaseUrl = Annotated[str | None, typer.Option(help="OpenAI-compatible endpoint of the model.")]
ReflectionModel = Annotated[str | None, typer.Option(help="Model that writes the lessons.")]
ReflectionUrl = Annotated[str | None, typer.Option(help="Endpoint of the reflection model.")]
JudgeModel = Annotated[
    str | None, typer.Option(help="Judge for answers the grader leaves undecided.")
]
AgentName = Annotated[str | None, typer.Option("--agent", help="Your agent, as module:attr.")]
GraderName = Annotated[
    str,
    typer.Option(
        "--grader", help="math, qa, judge, or your own as module:attr; auto: chosen by data set."
    ),
]
GroupSize = Annotated[
    int | None, typer.Option(help="Rollouts per problem.", show_default=default_of("group_size"))
]
Concurrency = Annotated[
    int | None,
    typer.Option(help="Model calls in flight at once.", show_default=default_of("concurrency")),
]
Temperature = Annotated[
    float | None,
    typer.Option(help="Temperature of the rollouts.", show_default=default_of("temperature")),
]
EvaluationTemperature = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        help="Temperature of the rollouts.",
        show_default=default_of("evaluation_temperature"),
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(help="Seed for batches and embedded models.", show_default=default_of("seed")),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Use the first N problems.")]
Sample = Annotated[int | None, typer.Option(min=1, help="Use a fixed random sample of N problems.")]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", help="Field of the rows to read, as answer=FIELD; repeatable."),
]
Database = Annotated[
    str | None,
    typer.Option(help="postgresql://… to store checkpoints and answers in, instead of files."),
]
Executor = Annotated[
    str, typer.Option(help="Where rollouts run: local, or ray for the workers of a cluster.")
]
RayAddress = Annotated[
    str | None,
    typer.Option(help="HOST:PORT of a cluster, or auto to find one; default: start one here."),
]
Price = Annotated[
    str | None,
    typer.Option(help="Price of the model as INPUT,CACHED,OUTPUT, in dollars per million tokens."),
]
MaxCost = Annotated[float | None, typer.Option(min=0, help="Budget in dollars.")]
MaxTokens = Annotated[int | None, typer.Option(min=0, help="Budget in tokens.")]
MaxCalls = Annotated[int | None, typer.Option(min=0, help="Budget in model calls.")]
MaxMinutes = Annotated[float | None, typer.Option(min=0, help="Time limit in minutes.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the forecast and exit.")]
InspectLogs = Annotated[
    bool,
    typer.Option("--inspect-logs", help="Also write Inspect logs, to inspect/ in the run folder."),
]
InspectDir = Annotated[Path | None, typer.Option(help="Also write Inspect logs, to this folder.")]
AllowOverlap = Annotated[
    bool, typer.Option("--allow-overlap", help="Allow problems that were also trained on.")
]
Run = Annotated[str, typer.Option(help="Name of the run; reuse it to resume.")]
Fork = Annotated[str | None, typer.Option(help="Start a new run from this run's library.")]
Library = Annotated[Path | None, typer.Option(help="Library or run to start from.")]
Epochs = Annotated[int | None, typer.Option(help="Passes over the problems.")]
BatchSize = Annotated[int | None, typer.Option(help="Problems per step.")]
Attempts = Annotated[int | None, typer.Option("--k", help="Attempts per problem.")]
Review = Annotated[
    bool,
    typer.Option(
        "--review",
        help="Wait for a review of each step's edits.",
        callback=lambda wanted: "each_step" if wanted else None,
    ),
]
Recorded = Annotated[Path | None, typer.Option(help="Grade the answers in this file.")]
Learned = Annotated[Path | None, typer.Option(help="Library file, run folder, or name of a run.")]
Kept = Annotated[
    str | None, typer.Option(help="Keep the answers under this name; reuse it to resume.")
]
Baseline = Annotated[bool, typer.Option(help="Also evaluate without the library, and compare.")]
Placebo = Annotated[
    Path | None, typer.Option(help="Also evaluate an unrelated library of similar length.")
]
EqualCost = Annotated[
    bool,
    typer.Option(
        "--equal-cost", help="Also spend the library's cost on extra attempts without it."
    ),
]
Table = Annotated[bool, typer.Option("--table", help="Also print a line per problem.")]
Regrade = Annotated[
    bool, typer.Option("--regrade", help="Also regrade attempts that come with a reward.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Any other setting, as NAME=VALUE, or model_options.NAME=VALUE; repeatable.",
    ),
]

NO_DEFAULTS: Mapping[str, Any] = MappingProxyType({})


def plan_options(
    plan: Callable[..., object], options: Mapping[str, Any], source: Any
) -> dict[str, Any]:
    """Return the arguments of a planning function: settings, budget, and the options it knows."""
    given = {name: options[name] for name in signature(plan).parameters if name in options}
    if "executor" in options:
        given["cluster"] = find_cluster(options["executor"], options["ray_address"])
    given["settings"] = read_settings(options, defaults_of(source))
    given["budget"] = read_budget(options)
    return given


def read_budget(options: Mapping[str, Any]) -> Budget:
    """Return the budget of a command."""
    return Budget(
        *(options[name] for name in ("max_cost", "max_tokens", "max_calls", "max_minutes"))
    )


def read_settings(
    options: Mapping[str, Any], defaults: Mapping[str, Any] = NO_DEFAULTS
) -> Settings:
    """Merge the settings: defaults, preset, file, --set, flags; the last one wins.

    A flag for a setting has its name.
    """
    # Named, so that nobody is warned of a default: the commands say it in their own words.
    found = {"model": SIMULATED, **defaults}
    if (preset := options.get("preset")) is not None:
        if preset not in PRESETS:
            raise SettingsError(
                f"preset {preset!r} is unknown; choose one of: {', '.join(PRESETS)}"
            )
        found |= PRESETS[preset]
    if options.get("config") is not None:
        found |= Settings.read_file(options["config"])
    for name, value in map(read_pair, options.get("pairs") or []):
        put_option(found, name, value)
    flags = {name: options.get(name) for name in Settings.model_fields}
    found |= {name: value for name, value in flags.items() if value is not None}
    return Settings.read(found)


def read_pair(pair: str) -> tuple[str, Any]:
    """Read NAME=VALUE; pydantic converts numbers."""
    name, equals, value = pair.partition("=")
    if not equals:
        raise SettingsError(f"--set {pair!r} is not of the form NAME=VALUE")
    setting, dot, inner = name.strip().partition(".")
    return setting.replace("-", "_") + dot + inner, value.strip()


def put_option(options: dict[str, Any], name: str, value: Any) -> None:
    """Add a setting to the options; `model_options.top_p` is one key of a table."""
    setting, *path = name.split(".")
    if not path:
        options[name] = value
        return
    known = options.get(setting)
    try:
        known = read_options(known)
    except ValueError as error:
        raise SettingsError(f"setting {setting!r}: {error}") from None
    table = options[setting] = dict(known) if isinstance(known, dict) else {}
    for part in path[:-1]:
        inner = table.get(part)
        table[part] = table = dict(inner) if isinstance(inner, dict) else {}
    table[path[-1]] = read_value(value)


def read_value(text: str) -> Any:
    """Read JSON, and anything else as text: `null`, `0.9`, `true`, `{…}`, `low`."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def find_log_folder(options: Mapping[str, Any], run: Path | None) -> Path | None:
    """Return the folder for Inspect logs, or None for no logs."""
    place: Path | None = options["inspect_dir"]
    if not options["inspect_logs"] and place is None:
        return None
    check_inspect()
    if place is not None and place.exists() and not place.is_dir():
        raise SettingsError(f"--inspect-dir {place} is a file: name a folder")
    if place is None and run is None:
        raise SettingsError(
            "--inspect-logs needs a place to write to: give --run NAME or --inspect-dir DIR"
        )
    return place or (run and run / "inspect")


def find_cluster(executor: str, address: str | None) -> Cluster | None:
    """Return the cluster that runs the rollouts, or None for this process."""
    if executor == "ray":
        return Cluster(address)
    if executor != "local":
        raise ClusterError(f"--executor {executor!r} is unknown; there are: local, ray")
    if address is not None:
        raise ClusterError(f"--ray-address {address!r} is for --executor ray")
    return None
