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
"""Tools of the ReAct agent, in the order in which its model sees them."""
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
"""Options of how models are called, and at what price: they may change when a run resumes."""


CONNECTION_OPTIONS = frozenset(
    ("api_key_env", "headers", "headers_env", "azure_endpoint", "api_version", "timeout")
)
"""Model options that say where and with which credentials a model is called."""
_SECRET = re.compile(
    r"(^|[_-])(api[_-]?key|key|token|secret|password|authorization)$", re.IGNORECASE
)


class SettingsError(UserError, ValueError):
    """A setting is unknown or out of bounds; the message names the field, value and remedy."""


class ModelOptions(dict[str, Any]):
    """Options of a model: an immutable JSON object, so that it can be hashed."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(json.dumps(self, sort_keys=True))


def read_options(value: Any) -> Any:
    """Read a JSON object given as text."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return {}
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError('it is not a JSON object such as {"reasoning_effort": "low"}') from None


def check_options(options: dict[str, Any]) -> ModelOptions:
    """Return the options, if they are plain JSON without secrets."""
    try:
        plain = json.loads(json.dumps(options, allow_nan=False))
    except (TypeError, ValueError):
        raise ValueError("it contains a value that is not JSON") from None
    plain = {name: None if value == "null" else value for name, value in plain.items()}  # TOML
    if secret := find_secret(plain):
        raise ValueError(
            f"{secret!r} looks like a secret, and settings are written to files: set it in an "
            "environment variable, and name that in api_key_env (or, for a header, in headers_env)"
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
    """Judge for answers the grader leaves undecided. Empty: none (the `judge` grader then uses the
    reflection model)."""
    judge_base_url: str | None = None
    """Endpoint of the judge model; empty for that of the reflection model."""
    model_options: Options = Field(default={}, validate_default=True)
    """Further options of the policy model, as JSON: `{"reasoning_effort": "low", "top_p": 0.9,
    "extra_body": {…}, "headers": {…}, "api_key_env": "MY_KEY"}`; null removes an option."""
    reflection_options: Options = Field(default={}, validate_default=True)
    """The same for the reflection model; extends `model_options` if it is the policy model."""
    judge_options: Options = Field(default={}, validate_default=True)
    """The same for the judge; extends `reflection_options` if it is the reflection model."""
    price: str | None = None
    """Price of the policy model: `INPUT,CACHED,OUTPUT` in dollars per million tokens; empty for
    the list price, if it is known."""
    reflection_price: str | None = None
    """Price of the reflection model; empty for `price` if it is the policy model."""
    judge_price: str | None = None
    """Price of the judge model; empty for `reflection_price` if it is the reflection model."""
    structured_output: Literal["auto", "json_schema", "tool", "text"] = "auto"
    """How to request reflection answers; auto uses the first form that the endpoint supports."""

    epochs: int = Field(default=3, ge=1, le=1000)
    """Passes over the problems."""
    batch_size: int = Field(default=100, ge=1, le=100_000)
    """Problems per step; the library is edited once per step."""
    group_size: int = Field(default=5, ge=1, le=256)
    """Rollouts per problem (G). With 1 every attempt is reflected on: the paper's ablation."""
    seed: int = Field(default=42, ge=0)
    """Seed for the batches and the embedded models; platform-independent."""
    shuffle: bool = True
    """Draw each epoch's batches in a new order; off keeps the data set's order."""

    temperature: float | None = Field(default=0.7, ge=0, le=2)
    """Temperature of rollouts in training; empty sends none, for models that accept none."""
    evaluation_temperature: float | None = Field(default=0.3, ge=0, le=2)
    """Temperature of rollouts in evaluation; empty sends none."""
    reflection_temperature: float | None = Field(default=0.0, ge=0, le=2)
    """Temperature of summaries, comparisons, edits and judges; empty sends none."""
    max_output_tokens: int | None = Field(default=None, ge=16)
    """Maximum length of an answer, in tokens; empty for the provider's default. An answer that is
    cut off is requested once more with twice the limit."""

    concurrency: int = Field(default=128, ge=1, le=4096)
    """Model calls of all roles in flight at once; reduced when an endpoint rejects that many."""
    endpoint_concurrency: int | None = Field(default=None, ge=1, le=4096)
    """Model calls in flight at once per endpoint; empty for `concurrency`."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """Model calls per minute and endpoint; empty for no limit."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    """Tokens per minute and endpoint, prompts and answers together; empty for no limit."""
    call_timeout: float = Field(default=600, gt=0)
    """Seconds before a model call times out and is retried."""
    max_retries: int = Field(default=8, ge=0, le=100)
    """Retries after an outage, or an empty or cut-off answer. Rate-limited calls are retried
    without counting."""
    rollout_timeout: float = Field(default=1800, gt=0)
    """Seconds before a rollout times out and counts as missing; waiting time is excluded."""
    max_turns: int = Field(default=20, ge=1, le=1000)
    """Model calls with tools per rollout; the final answer is then requested without tools."""

    top_k: int | None = Field(default=None, ge=1, le=10_000)
    """Lessons shown per problem, the most relevant ones; empty for the whole library. Reflection
    always reads the whole library."""
    hide: float = Field(default=0.0, ge=0, le=0.5)
    """Share of the lessons hidden from each training rollout, so that `tfgrpo library effects` can
    measure what each lesson adds; 0.2 is a good value, 0 hides none."""
    tools: str = ",".join(TOOLS)
    """Tools of the ReAct agent: some of `python,search,pages`, or `none`. A search
    without network has no pages."""
    search: str = Field(
        default="duckduckgo",
        pattern=r"^(duckduckgo|tavily|brave|serper|searxng:https?://\S+|corpus:.+)$",
    )
    """Where the agent searches: `duckduckgo`; `tavily`, `brave`, `serper` (key in the environment);
    `searxng:URL`, or `corpus:PATH` of your own documents, which needs no network."""
    search_cache: str | None = None
    """File that caches search results for a week; empty for no cache."""

    ground_truth: Literal["shown", "withheld"] = "shown"
    """Whether reflection sees the answers and rewards; if withheld, it reads every group."""
    directly_generated: bool = False
    """Write lessons from the problems alone, without rollouts: the paper's ablation."""
    max_operations: int = Field(default=2, ge=1, le=50)
    """Maximum number of operations that one group may propose."""
    review: Literal["off", "each_step"] = "off"
    """Whether a person reviews each step's edits before they are applied. The run waits for the
    review, which requires a checkpointer."""
    max_lesson_words: int = Field(default=32, ge=4, le=500)
    """Maximum length of a lesson, in words."""
    trajectory_tokens: int = Field(default=6000, ge=200)
    """Maximum length of a transcript that is summarized, in tokens; the middle is cut out."""
    agent_objective: str = "Solve each problem correctly and give the final answer."
    """The agent's task in one sentence; every prompt contains it."""
    learning_objective: str = (
        "General, reusable lessons on how to approach and check such problems, and when to use "
        "which tool."
    )
    """The purpose of the lessons in one sentence; reflection prompts contain it."""

    attempts: int = Field(default=1, ge=1, le=MOST_ATTEMPTS)
    """Rollouts per problem in evaluation: the k of mean@k."""

    @field_validator("*", mode="before")
    @classmethod
    def _read_empty(cls, value: Any, info: ValidationInfo) -> Any:
        # A form has no None: an empty field means None.
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
                "give INPUT,CACHED,OUTPUT, three numbers in dollars per million tokens, "
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
        """Return the non-default options that influence the outcome of a run."""
        found = {name: value for name, value in self.changed().items() if name not in OPERATIONAL}
        for name in _OPTIONS & found.keys():
            kept = {k: v for k, v in found.pop(name).items() if k not in CONNECTION_OPTIONS}
            found |= {name: kept} if kept else {}
        return found

    def operated_as(self, other: Self) -> Self:
        """Return these settings with the operational options of the other."""
        changes = {name: getattr(other, name) for name in OPERATIONAL | _OPTIONS}
        return self.model_copy(update=changes)


_OPTIONS = frozenset(("model_options", "reflection_options", "judge_options"))

PRESETS: dict[str, dict[str, Any]] = {
    "paper-math": {"epochs": 3, "batch_size": 100, "group_size": 5},
    "paper-web": {"epochs": 3, "batch_size": 100, "group_size": 3},
    "reference-math": {"epochs": 1, "batch_size": 50, "group_size": 5, "max_operations": 1},
    "quick": {"epochs": 1, "batch_size": 10, "group_size": 3, "max_turns": 8},
}
"""Named starting points: the paper's two settings, the reference implementation's, a quick try."""


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Say what is wrong with each option, and how to fix it."""
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        if not name:
            lines.append(problem["msg"].removeprefix("Value error, "))
        else:
            # A secret must not reach the screen or a log.
            value = "given" if name in _OPTIONS else repr(problem["input"])
            lines.append(f"setting {name!r} is {value}: {problem['msg']}")
    return "\n".join(lines)


def describe_unknown(name: str, model: type[BaseModel]) -> str:
    """Say that the option is unknown, and suggest a similar one."""
    near = get_close_matches(name, model.model_fields, n=1)
    meant = f", did you mean {near[0]!r}?" if near else ""
    return f"unknown setting {name!r}{meant}; the settings are: {', '.join(model.model_fields)}"
