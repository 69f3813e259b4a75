"""The tools of the ReAct agent: Python, search and page reading, with their error handling."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from threading import Lock
from typing import Any

from langchain_core.messages import ToolCall, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.prebuilt import ToolNode

from training_free_grpo.lifecycle import on_close
from training_free_grpo.model_name import ModelName
from training_free_grpo.models import Refused
from training_free_grpo.redact import redact
from training_free_grpo.settings import Settings, SettingsError
from training_free_grpo.simulated import passages
from training_free_grpo.threads import in_thread
from training_free_grpo.tools.corpus_search import corpus_search
from training_free_grpo.tools.python_sandbox import (
    PythonTool,
    SandboxUnavailable,
    make_python_tool,
)
from training_free_grpo.tools.web_page import make_page_tool
from training_free_grpo.tools.web_search import (
    SearchProvider,
    SearchResult,
    SearchSetupError,
    brave,
    cached,
    check_provider,
    duckduckgo,
    make_search_tool,
    searxng,
    serper,
    tavily,
)

_ENGINES: Mapping[str, Callable[[], SearchProvider]] = {
    "duckduckgo": duckduckgo,
    "tavily": tavily,
    "brave": brave,
    "serper": serper,
}

_indexing = Lock()


@dataclass(frozen=True, eq=False)
class Toolbox:
    """Tools as the model sees them, and the node that runs them."""

    tools: Sequence[BaseTool]
    run: ToolNode

    def start(self) -> None:
        """Start what the first call would; raise SandboxUnavailable where Python cannot run."""
        for tool in self._pythons:
            tool.start()

    async def end_thread(self, thread: str) -> None:
        """Release what tools keep for a thread, once any program running in it has ended."""
        for tool in self._pythons:
            if tool.keeps_threads:
                await in_thread(tool.end_thread, thread)

    async def answer(self, state: Mapping[str, Any], call: ToolCall) -> ToolMessage:
        """Run the tool for one call of the last message."""
        *talk, asked = state["messages"]
        alone = asked.model_copy(update={"tool_calls": [call]})
        ran = await self.run.ainvoke({**state, "messages": [*talk, alone]})
        answer: ToolMessage = ran["messages"][0]
        return answer

    def keeps_state(self, name: str) -> bool:
        """Return whether the output of a tool depends on its earlier calls."""
        return any(tool.keeps_threads for tool in self._pythons if tool.name == name)

    @property
    def _pythons(self) -> list[PythonTool]:
        return [tool for tool in self.tools if isinstance(tool, PythonTool)]


def make_toolbox(tools: Sequence[BaseTool]) -> Toolbox:
    """Make a toolbox; the model gets an error message when a tool fails."""
    return Toolbox(tools, ToolNode(tools, handle_tool_errors=explain_tool_error))


def explain_tool_error(error: Exception) -> str:
    """Return the error message for the model; raise Refused if no call of the tool can succeed."""
    if isinstance(error, SandboxUnavailable | SearchSetupError):
        raise Refused(str(error)) from error
    said = redact(f"{type(error).__name__}: {error}")
    return f"The tool failed: {said}. Correct the call, or do without it."


def default_toolbox(settings: Settings) -> Toolbox:
    """Return the tools that the settings name; the embedded model searches its own small corpus."""
    if ModelName.parse(settings.model).is_simulated and settings.search == "duckduckgo":
        return _toolbox(settings.tools, "bundled", None)
    return _toolbox(settings.tools, settings.search, settings.search_cache)


async def start_tools(settings: Settings) -> None:
    """Prepare the tools that the settings name, before any money is spent.

    Raise SettingsError that says what is missing, Refused where Python cannot run.
    """
    try:
        if "search" in settings.tools and settings.search in _ENGINES:
            check_provider(_ENGINES[settings.search]())
        if "search" in settings.tools and settings.search.startswith("corpus:"):
            await in_thread(_corpus, settings.search.removeprefix("corpus:"))
        await in_thread(lambda: default_toolbox(settings).start())
    except SandboxUnavailable as error:
        raise Refused(str(error)) from error
    except (OSError, ValueError, SearchSetupError) as error:
        raise SettingsError(f"setting 'search' is {settings.search!r}: {error}") from error


@cache
def _toolbox(names: str, search: str, search_cache: str | None) -> Toolbox:
    tools: list[BaseTool] = []
    if "python" in names:
        python = make_python_tool()
        on_close(python.close)
        tools.append(python)
    if "search" in names:
        tools.append(make_search_tool(_cached_provider(search, search_cache)))
    offline = search == "bundled" or search.startswith("corpus:")
    if "pages" in names and not offline:
        tools.append(make_page_tool())
    return make_toolbox(tools)


def _cached_provider(search: str, search_cache: str | None) -> SearchProvider:
    provider = _provider(search)
    return cached(provider, search_cache, name=search) if search_cache else provider


def _provider(search: str) -> SearchProvider:
    kind, _, place = search.partition(":")
    if kind == "bundled":
        return search_bundled_corpus
    if kind == "corpus":
        return partial(search_corpus, place)
    return searxng(place) if kind == "searxng" else _ENGINES[kind]()


def search_corpus(place: str, query: str, max_results: int) -> list[SearchResult]:
    """Search the user's documents, indexed on the first search and in its thread."""
    with _indexing:
        search = _corpus(place)
    return search(query, max_results)


@cache
def _corpus(place: str) -> SearchProvider:
    return corpus_search(place)


def search_bundled_corpus(query: str, max_results: int) -> list[SearchResult]:
    """Search the embedded model's corpus, indexed on the first search and in its thread."""
    return _bundled_corpus()(query, max_results)


@cache
def _bundled_corpus() -> SearchProvider:
    return corpus_search(passages())
