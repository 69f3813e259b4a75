"""User input: models, agents, graders, tools and settings, by name or as objects."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, tool

from training_free_grpo.graders import Grader, as_grader, load_grader
from training_free_grpo.models import Models
from training_free_grpo.models.objects import record_object
from training_free_grpo.rollouts.load_agent import load_agent
from training_free_grpo.rollouts.own_agent import Agent, read_agent
from training_free_grpo.session.problems import defaults_of, grader_of
from training_free_grpo.settings import Settings, SettingsError

ModelLike = str | BaseChatModel
"""A model by its name, as in the setting, or as a chat model object."""
ToolLike = str | BaseTool | Callable[..., Any]
"""A tool of ours by its name, any LangChain tool, or a function with a docstring."""

_ROLES = {
    "model": "policy_model",
    "reflection_model": "reflection_model",
    "judge_model": "judge_model",
}
"""By setting: the field of Models that holds the object."""


@dataclass(frozen=True)
class Chosen:
    """Who attempts, grades and reflects, and with which settings and tools."""

    settings: Settings
    models: Models
    tools: list[BaseTool] | None
    grader: Grader
    grader_name: str
    agent: Runnable[Any, Any] | None
    agent_name: str | None


def choose(
    problems: Any,
    settings: Settings | Mapping[str, Any] | None,
    models: Models | None,
    tools: str | Sequence[ToolLike] | None,
    grader: Grader | str,
    agent: Agent | str | None,
    named: Mapping[str, ModelLike | None],
    *,
    loadable: bool = False,
) -> Chosen:
    """Read the input that training and evaluation share; `named` are models by their setting."""
    chosen, own_tools = read_tools(read_settings_like(settings, problems), tools)
    chosen, objects = read_models(chosen, models, **named)
    own_grader, grader_name = read_grader_like(grader, problems)
    runnable, agent_name = read_agent_like(agent, loadable=loadable)
    return Chosen(chosen, objects, own_tools, own_grader, grader_name, runnable, agent_name)


def read_agent_like(
    agent: Agent | str | None, *, loadable: bool = False
) -> tuple[Runnable[Any, Any] | None, str | None]:
    """Return an agent, and its name: one to record it by, or where that is asked to load it by."""
    if agent is None or isinstance(agent, str):
        return load_agent(agent), agent
    return read_agent(agent), None if loadable else name_object(agent)


def read_grader_like(grader: Grader | str, problems: Any) -> tuple[Grader, str]:
    """Return a grader, and the name by which a run records it."""
    if isinstance(grader, str):
        name = grader_of(grader, problems)
        return load_grader(name), name
    return as_grader(grader), name_object(grader)


def name_object(given: object) -> str:
    """Name an object by its module and name, or by its class."""
    named = given if hasattr(given, "__qualname__") else type(given)
    own = getattr(given, "name", None)
    name = f"{named.__module__}:{getattr(named, '__qualname__', '')}"
    return f"{name} {own}" if isinstance(own, str) and own else name


def read_tools(
    settings: Settings, tools: str | Sequence[ToolLike] | None
) -> tuple[Settings, list[BaseTool] | None]:
    """Return the settings with the named tools, and the tools if any is an object."""
    if tools is None:
        return settings, None
    if "tools" in settings.model_fields_set:
        raise SettingsError(f"tools are given twice: by an argument, and as {settings.tools!r}")
    listed = tools.split(",") if isinstance(tools, str) else list(tools)
    names = [each for each in listed if isinstance(each, str)]
    if len(names) == len(listed):
        return change(settings, {"tools": ",".join(names) or "none"}), None
    if names:
        raise SettingsError(
            f"tools mixes names ({', '.join(names)}) with objects: make the tools of ours with "
            "make_python_tool, make_search_tool and make_page_tool, and give only objects"
        )
    return settings, [as_tool(each) for each in listed if not isinstance(each, str)]


def as_tool(given: BaseTool | Callable[..., Any]) -> BaseTool:
    """Return a LangChain tool; a function becomes one by its name, parameters and docstring."""
    return given if isinstance(given, BaseTool) else tool(given)


def read_settings_like(settings: Settings | Mapping[str, Any] | None, problems: Any) -> Settings:
    """Return the settings, with defaults of a named data set."""
    if not isinstance(settings, Settings):
        return Settings.read({**defaults_of(problems), **(settings or {})})
    return Settings.read({**defaults_of(problems), **said(settings)})


def read_models(
    settings: Settings, models: Models | None, **given: ModelLike | None
) -> tuple[Settings, Models]:
    """Return the settings with the names of all models, and the objects among them.

    Raise SettingsError where a model is given twice, and differently.
    """
    found = models or Models()
    changes: dict[str, object] = {}
    objects: dict[str, Any] = {}
    for name, model in given.items():
        if isinstance(model, str):
            before = getattr(settings, name)
            if name in settings.model_fields_set and before != model:
                raise SettingsError(f"{name} is {model!r}, and in the settings {before!r}")
            changes[name] = model
        elif model is not None:
            objects[_ROLES[name]] = model
    found = replace(found, **objects)
    for name, place in _ROLES.items():
        if (held := getattr(found, place)) is not None:
            if name in changes:
                raise SettingsError(f"{name} is {changes[name]!r}, and in the models an object")
            changes |= record_object(settings, name, held)
    return change(settings, changes), found


def change(settings: Settings, changes: Mapping[str, object]) -> Settings:
    """Return checked settings with changes; earlier explicit settings stay explicit."""
    return Settings.read({**said(settings), **changes}) if changes else settings


def said(settings: Settings) -> dict[str, Any]:
    """Return the explicit settings, including those equal to defaults."""
    return settings.model_dump(mode="json", include=settings.model_fields_set)
