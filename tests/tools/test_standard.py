"""The suites that LangChain publishes for every tool."""

from typing import Any

import pytest
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from training_free_grpo.tools.corpus_search import corpus_search, make_corpus_tool
from training_free_grpo.tools.python_sandbox import make_python_tool
from training_free_grpo.tools.web_search import make_search_tool


class Python:
    @property
    def tool_constructor(self) -> BaseTool:
        return make_python_tool()

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"code": "6 * 7"}


class Search:
    @property
    def tool_constructor(self) -> BaseTool:
        return make_search_tool(corpus_search([{"title": "Paris", "text": "A city."}]))

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"query": "paris"}


class Corpus:
    @property
    def tool_constructor(self) -> BaseTool:
        return make_corpus_tool(corpus_search([{"title": "Paris", "text": "A city."}]))

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"query": "paris"}


class TestPythonUnit(Python, ToolsUnitTests):
    pass


@pytest.mark.process
class TestPythonIntegration(Python, ToolsIntegrationTests):
    pass


class TestSearchUnit(Search, ToolsUnitTests):
    pass


class TestSearchIntegration(Search, ToolsIntegrationTests):
    pass


class TestCorpusUnit(Corpus, ToolsUnitTests):
    pass


class TestCorpusIntegration(Corpus, ToolsIntegrationTests):
    pass
