"""Every run-time option, in one frozen model.

`Settings` is the context schema of every graph: Studio shows these fields, descriptions and
bounds as a form, the command line fills them from flags and files, and a run folder records
them. It holds no secrets and no objects.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from training_free_grpo.errors import UserError

TOOLS = ("python", "search", "pages")
"""What the ReAct agent may have, in the order in which its model is offered them."""
MOST_ATTEMPTS = 1024
"""Rollouts per problem in evaluation."""

OPERATIONAL = frozenset(
    {
        *("base_url", "reflection_base_url", "judge_base_url"),
        *("price", "reflection_price", "judge_price"),
        *("concurrency", "endpoint_concurrency", "requests_per_minute", "tokens_per_minute"),
        *("call_timeout", "max_retries", "search_cache"),
    }
)
"""Where, how fast and at what price models are asked: a run may go on with others of these."""


CONNECTION_OPTIONS = frozenset(
    ("api_key_env", "headers", "headers_env", "azure_endpoint", "api_version", "timeout")
)
"""Model options that say where and as whom a model is asked."""
_SECRET = re.compile(
    r"(^|[_-])(api[_-]?key|key|token|secret|password|authorization)$", re.IGNORECASE
)


class SettingsError(UserError, ValueError):
    """A setting is unknown or out of bounds; the message names the field, value and remedy."""


class ModelOptions(dict[str, Any]):
    """Options of a model: a JSON object that is never changed, so that it can be hashed."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(json.dumps(self, sort_keys=True))


def read_options(value: Any) -> Any:
    """Read a JSON object that was given as text."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return {}
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError('it is no JSON object such as {"reasoning_effort": "low"}') from None


def check_options(options: dict[str, Any]) -> ModelOptions:
    """Return options that are plain JSON and hold no secret."""
    try:
        plain = json.loads(json.dumps(options, allow_nan=False))
    except (TypeError, ValueError):
        raise ValueError("it holds something that is no JSON") from None
    plain = {name: None if value == "null" else value for name, value in plain.items()}  # TOML
    if secret := find_secret(plain):
        raise ValueError(
            f"{secret!r} looks like a secret, and settings are written to files: put it into an "
            "environment variable and name that in api_key_env (or headers_env, by header)"
        )
    return ModelOptions(plain)


def find_secret(options: Mapping[str, Any]) -> str | None:
    """Return the name of an option that holds a secret, at any depth."""
    for name, value in options.items():
        if isinstance(value, Mapping) and name != "headers_env":
            if inner := find_secret(value):
                return inner
        elif isinstance(value, str) and value and _SECRET.search(name):
            return name
    return None


Options = Annotated[dict[str, Any], BeforeValidator(read_options), AfterValidator(check_options)]


class Settings(BaseModel):
    """The options of training and evaluation; the defaults are the paper's (section 3.1)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    model: str = Field(default="simulated", min_length=1)
    """Policy model: `provider:name` as in init_chat_model, `simulated`, or `recorded:FILE`."""
    base_url: str | None = None
    """OpenAI-compatible endpoint of the policy model; empty for the provider's own."""
    reflection_model: str | None = None
    """Model that summarizes, compares and edits; empty for the policy model."""
    reflection_base_url: str | None = None
    """Endpoint of the reflection model; empty for that of the policy model."""
    judge_model: str | None = None
    """Model that judges what a grader leaves open, and for the grader `judge`; empty for none, and
    for the reflection model with that grader."""
    judge_base_url: str | None = None
    """Endpoint of the judge model; empty for that of the reflection model."""
    model_options: Options = Field(default={}, validate_default=True)
    """What else the policy model is made with, as JSON: `{"reasoning_effort": "low", "top_p": 0.9,
    "extra_body": {…}, "headers": {…}, "api_key_env": "MY_KEY"}`; null removes an option."""
    reflection_options: Options = Field(default={}, validate_default=True)
    """The same for the reflection model; added to `model_options` if it is the policy model."""
    judge_options: Options = Field(default={}, validate_default=True)
    """The same for the judge; added to those of the reflection model if it is that one."""
    price: str | None = None
    """Price of the policy model: `INPUT,CACHED,OUTPUT` in dollars per million tokens; empty for
    the listed one of a model that a price list knows."""
    reflection_price: str | None = None
    """Price of the reflection model; empty for `price` if it is the policy model."""
    judge_price: str | None = None
    """Price of the judge model; empty for `reflection_price` if it is the reflection model."""
    structured_output: Literal["auto", "json_schema", "tool", "text"] = "auto"
    """How reflection answers are asked for; auto takes the first that the endpoint can do."""

    epochs: int = Field(default=3, ge=1, le=1000)
    """Passes over the problems."""
    batch_size: int = Field(default=100, ge=1, le=100_000)
    """Problems per step; the library is edited once per step."""
    group_size: int = Field(default=5, ge=1, le=256)
    """Rollouts per problem (G). With 1 every attempt is reflected on: the paper's ablation."""
    seed: int = Field(default=42, ge=0)
    """Draws the batches and seeds the embedded models; the same on every platform."""
    shuffle: bool = True
    """Draw each epoch's batches in a new order; off keeps the data set's order."""

    temperature: float | None = Field(default=0.7, ge=0, le=2)
    """Temperature of rollouts in training; empty sends none, for models that take none."""
    evaluation_temperature: float | None = Field(default=0.3, ge=0, le=2)
    """Temperature of rollouts in evaluation; empty sends none."""
    reflection_temperature: float | None = Field(default=0.0, ge=0, le=2)
    """Temperature of summaries, comparisons, edits and judges; empty sends none."""
    max_output_tokens: int | None = Field(default=None, ge=16)
    """Longest answer of one model call, in tokens; empty for the provider's default. An answer that
    is cut off there is asked for once more with twice the room."""

    concurrency: int = Field(default=128, ge=1, le=4096)
    """Model calls of all roles in flight at once; fewer where an endpoint refuses so many."""
    endpoint_concurrency: int | None = Field(default=None, ge=1, le=4096)
    """Model calls in flight at once at any one endpoint; empty for `concurrency`."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """Model calls a minute at any one endpoint; empty for no limit."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    """Tokens a minute, prompts and answers, at any one endpoint; empty for no limit."""
    call_timeout: float = Field(default=600, gt=0)
    """Seconds before one model call is given up and tried again."""
    max_retries: int = Field(default=8, ge=0, le=100)
    """Tries again after an outage, or an empty or cut-off answer. Calls that were too many at once
    are made again without counting."""
    rollout_timeout: float = Field(default=1800, gt=0)
    """Seconds before a rollout is given up and counted as missing; waiting does not count."""
    max_turns: int = Field(default=20, ge=1, le=1000)
    """Model calls with tools per rollout; then the final answer is asked for without tools."""

    top_k: int | None = Field(default=None, ge=1, le=10_000)
    """Lessons shown per problem: those that fit it best; empty for the whole library. Reflection
    reads the whole one all the same."""
    hide: float = Field(default=0.0, ge=0, le=0.5)
    """Share of the lessons hidden from each training rollout, so that `tfgrpo library effects` can
    tell what each lesson is worth; 0.2 is a good value, 0 hides none."""
    tools: str = ",".join(TOOLS)
    """Tools of the ReAct agent: some of `python,search,pages`, or `none`. There are no pages where
    the search needs no network."""
    search: str = Field(
        default="duckduckgo",
        pattern=r"^(duckduckgo|tavily|brave|serper|searxng:https?://\S+|corpus:.+)$",
    )
    """Where the agent searches: `duckduckgo`; `tavily`, `brave`, `serper` (key in the environment);
    `searxng:URL`, or `corpus:PATH` of your own documents, which needs no network."""
    search_cache: str | None = None
    """File that keeps search results for a week, so that a query is asked once; empty for none."""

    ground_truth: Literal["shown", "withheld"] = "shown"
    """Whether reflection sees the answers and rewards; withheld, every group is reflected on."""
    directly_generated: bool = False
    """Write lessons from the problems alone, without rollouts: the paper's ablation."""
    max_operations: int = Field(default=2, ge=1, le=50)
    """Most operations that one group may propose."""
    review: Literal["off", "each_step"] = "off"
    """Whether a person decides on each step's edits before they are made. The run waits, which
    takes a checkpointer."""
    max_lesson_words: int = Field(default=32, ge=4, le=500)
    """Longest lesson, in words."""
    trajectory_tokens: int = Field(default=6000, ge=200)
    """Longest transcript that a summary reads, in tokens; head and tail are kept."""
    agent_objective: str = "Solve each problem correctly and give the final answer."
    """What the agent is for, in a sentence; every prompt shows it."""
    learning_objective: str = (
        "General, reusable lessons on how to approach and check such problems, and when to use "
        "which tool."
    )
    """What the lessons should be about, in a sentence; reflection prompts show it."""

    attempts: int = Field(default=1, ge=1, le=MOST_ATTEMPTS)
    """Rollouts per problem in evaluation: the k of mean@k."""

    @field_validator("*", mode="before")
    @classmethod
    def _read_empty(cls, value: Any, info: ValidationInfo) -> Any:
        # A form knows no None: what is left empty there is.
        if value == "" and type(None) in get_args(
            cls.model_fields[str(info.field_name)].annotation
        ):
            return None
        return value

    @model_validator(mode="before")
    @classmethod
    def _know_names(cls, data: Any) -> Any:
        unknown = [str(name) for name in data if name not in cls.model_fields]
        if unknown:
            raise ValueError("\n".join(describe_unknown(name, cls) for name in unknown))
        return data

    @field_validator("tools", mode="before")
    @classmethod
    def _read_list(cls, value: Any) -> Any:
        return (",".join(value) or "none") if isinstance(value, list | tuple) else value

    @field_validator("price", "reflection_price", "judge_price")
    @classmethod
    def _is_price(cls, text: str | None) -> str | None:
        number = r"\s*\d+(\.\d+)?\s*"
        if text is not None and not re.fullmatch(f"{number},{number},{number}", text):
            raise ValueError(
                "a price is INPUT,CACHED,OUTPUT, three numbers in dollars per million tokens, "
                "such as 0.25,0.025,2"
            )
        return text

    @field_validator("tools")
    @classmethod
    def _order_tools(cls, value: str) -> str:
        names = {name.strip() for name in value.split(",")}
        if names == {"none"}:
            return "none"
        if unknown := sorted(names - set(TOOLS)):
            named = ", ".join(map(repr, unknown))
            raise ValueError(f"no tool is called {named}; list some of {', '.join(TOOLS)}, or none")
        return ",".join(name for name in TOOLS if name in names)

    @classmethod
    def read(cls, options: dict[str, Any]) -> Self:
        """Build settings; raise SettingsError that names the field, the value and the remedy."""
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            raise SettingsError(explain(error, cls)) from None

    @classmethod
    def read_file(cls, path: Path) -> dict[str, Any]:
        """Read options from a TOML file, unchecked; raise SettingsError if it is not TOML."""
        try:
            return tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsError(f"cannot read the settings file {path}: {error}") from None

    def changed(self) -> dict[str, Any]:
        """Return the options that differ from the defaults, as plain JSON."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def essential(self) -> dict[str, Any]:
        """Return what decides on the outcome of a run: all that differs from the defaults of it."""
        found = {name: value for name, value in self.changed().items() if name not in OPERATIONAL}
        for name in _OPTIONS & found.keys():
            kept = {k: v for k, v in found.pop(name).items() if k not in CONNECTION_OPTIONS}
            found |= {name: kept} if kept else {}
        return found

    def operated_as(self, other: Self) -> Self:
        """Return these settings with the other ones' way of asking models."""
        changes = {name: getattr(other, name) for name in OPERATIONAL | _OPTIONS}
        return self.model_copy(update=changes)


_OPTIONS = frozenset(("model_options", "reflection_options", "judge_options"))

PRESETS: dict[str, dict[str, Any]] = {
    "paper-math": {"epochs": 3, "batch_size": 100, "group_size": 5},
    "paper-web": {"epochs": 3, "batch_size": 100, "group_size": 3},
    "reference-math": {"epochs": 1, "batch_size": 50, "group_size": 5, "max_operations": 1},
    "quick": {"epochs": 1, "batch_size": 10, "group_size": 3, "max_turns": 8},
}
"""Named starting points: the paper's two settings, the reference implementation's, a first try."""


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Say what is wrong with each option, and what would be right."""
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        if not name:
            lines.append(problem["msg"].removeprefix("Value error, "))
        else:
            # Whoever reads the screen or a log must not read a secret there.
            value = "given" if name in _OPTIONS else repr(problem["input"])
            lines.append(f"setting {name!r} is {value}: {problem['msg']}")
    return "\n".join(lines)


def describe_unknown(name: str, model: type[BaseModel]) -> str:
    """Say that there is no such option, and which one may be meant."""
    near = get_close_matches(name, model.model_fields, n=1)
    meant = f", did you mean {near[0]!r}?" if near else ""
    return f"unknown setting {name!r}{meant}; the settings are: {', '.join(model.model_fields)}"
