"""The options that the commands share, and the settings they add up to."""

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
    """Return the default of a setting: that of a flag which is None where it is not given."""
    return str(Settings.model_fields[setting].default)


Dataset = Annotated[
    str,
    typer.Argument(help=f"{', '.join(NAMED)}; a JSONL, JSON or CSV file; or hf:owner/name:split."),
]
RunsDir = Annotated[Path, typer.Option(help="Folder of the runs.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object last on stdout.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", callback=hush, help="Say nothing but results and errors.")
]
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
    typer.Option(help="Draws batches, seeds the embedded models.", show_default=default_of("seed")),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Use the first N problems.")]
Sample = Annotated[int | None, typer.Option(min=1, help="Draw N problems, always the same.")]
Map = Annotated[
    list[str] | None, typer.Option("--map", help="Where rows keep it, as answer=FIELD; repeatable.")
]
Database = Annotated[
    str | None, typer.Option(help="postgresql://… that keeps checkpoints and answers, not files.")
]
Executor = Annotated[
    str, typer.Option(help="Where rollouts are run: local, or ray for the workers of a cluster.")
]
RayAddress = Annotated[
    str | None,
    typer.Option(help="HOST:PORT of a cluster, or auto; without it this machine becomes one."),
]
Price = Annotated[
    str | None, typer.Option(help="INPUT,CACHED,OUTPUT: dollars per million tokens of the model.")
]
MaxCost = Annotated[float | None, typer.Option(min=0, help="Stop at so many dollars.")]
MaxTokens = Annotated[int | None, typer.Option(min=0, help="Stop at so many tokens.")]
MaxCalls = Annotated[int | None, typer.Option(min=0, help="Stop at so many model calls.")]
MaxMinutes = Annotated[float | None, typer.Option(min=0, help="Stop after so many minutes.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and do nothing.")]
InspectLogs = Annotated[
    bool,
    typer.Option("--inspect-logs", help="Also write logs for Inspect, to inspect/ in the run."),
]
InspectDir = Annotated[
    Path | None, typer.Option(help="Folder to write logs for Inspect to, in place of the run's.")
]
AllowOverlap = Annotated[
    bool, typer.Option("--allow-overlap", help="Evaluate on problems that were trained on.")
]
Run = Annotated[str, typer.Option(help="Name of the run; the same name goes on.")]
Fork = Annotated[str | None, typer.Option(help="New run, from this run's library.")]
Library = Annotated[Path | None, typer.Option(help="Library or run to start from.")]
Epochs = Annotated[int | None, typer.Option(help="Passes over the problems.")]
BatchSize = Annotated[int | None, typer.Option(help="Problems per step.")]
Attempts = Annotated[int | None, typer.Option("--k", help="Attempts per problem.")]
Review = Annotated[
    bool,
    typer.Option(
        "--review",
        help="Wait for a person before each step's edits.",
        callback=lambda wanted: "each_step" if wanted else None,
    ),
]
Recorded = Annotated[Path | None, typer.Option(help="Grade the answers of this file.")]
Learned = Annotated[Path | None, typer.Option(help="Library file, run folder or run.")]
Kept = Annotated[str | None, typer.Option(help="Keep the answers; the same goes on.")]
Baseline = Annotated[bool, typer.Option(help="Also without the library, and compare.")]
Placebo = Annotated[
    Path | None, typer.Option(help="Also with as much text: a library of another domain.")
]
EqualCost = Annotated[
    bool, typer.Option("--equal-cost", help="Also with as many tokens spent on attempts.")
]
Table = Annotated[bool, typer.Option("--table", help="Also a line per problem.")]
Regrade = Annotated[bool, typer.Option("--regrade", help="Grade what comes with a reward, too.")]
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
    """Return what a function that plans is given: settings, budget, and the options it knows."""
    given = {name: options[name] for name in signature(plan).parameters if name in options}
    if "executor" in options:
        given["cluster"] = find_cluster(options["executor"], options["ray_address"])
    given["settings"] = read_settings(options, defaults_of(source))
    given["budget"] = read_budget(options)
    return given


def read_budget(options: Mapping[str, Any]) -> Budget:
    """Return the limits that a command is given."""
    return Budget(
        *(options[name] for name in ("max_cost", "max_tokens", "max_calls", "max_minutes"))
    )


def read_settings(
    options: Mapping[str, Any], defaults: Mapping[str, Any] = NO_DEFAULTS
) -> Settings:
    """Add up the settings: defaults, preset, file, --set, flags; the later wins.

    A flag that is a setting bears its name.
    """
    # Named, so that nobody is warned of a default: the commands say it in their own words.
    found = {"model": SIMULATED, **defaults}
    if (preset := options.get("preset")) is not None:
        if preset not in PRESETS:
            raise SettingsError(f"preset {preset!r} is unknown; there are: {', '.join(PRESETS)}")
        found |= PRESETS[preset]
    if options.get("config") is not None:
        found |= Settings.read_file(options["config"])
    for name, value in map(read_pair, options.get("pairs") or []):
        put_option(found, name, value)
    flags = {name: options.get(name) for name in Settings.model_fields}
    found |= {name: value for name, value in flags.items() if value is not None}
    return Settings.read(found)


def read_pair(pair: str) -> tuple[str, Any]:
    """Read NAME=VALUE; pydantic makes numbers of digits."""
    name, equals, value = pair.partition("=")
    if not equals:
        raise SettingsError(f"--set {pair!r} is not of the form NAME=VALUE")
    setting, dot, inner = name.strip().partition(".")
    return setting.replace("-", "_") + dot + inner, value.strip()


def put_option(options: dict[str, Any], name: str, value: Any) -> None:
    """Put a setting among the options; `model_options.top_p` is one key of a table."""
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
    """Read JSON, or what is none as a text: `null`, `0.9`, `true`, `{…}`, `low`."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def find_log_folder(options: Mapping[str, Any], run: Path | None) -> Path | None:
    """Return where logs for Inspect are written, or None for nowhere."""
    place: Path | None = options["inspect_dir"]
    if not options["inspect_logs"] and place is None:
        return None
    check_inspect()
    if place is not None and place.exists() and not place.is_dir():
        raise SettingsError(f"--inspect-dir {place} is a file: name a folder")
    if place is None and run is None:
        raise SettingsError(
            "--inspect-logs has no run to go to: give --run NAME or --inspect-dir DIR"
        )
    return place or (run and run / "inspect")


def find_cluster(executor: str, address: str | None) -> Cluster | None:
    """Return the cluster that rollouts are run in, or None for this process."""
    if executor == "ray":
        return Cluster(address)
    if executor != "local":
        raise ClusterError(f"--executor {executor!r} is unknown; there are: local, ray")
    if address is not None:
        raise ClusterError(f"--ray-address {address!r} is for --executor ray")
    return None
