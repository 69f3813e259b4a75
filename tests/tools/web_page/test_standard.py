"""The suites that LangChain publishes for every tool."""

from typing import Any

import pytest
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from tests.tools.web_page.site import Site
from training_free_grpo.tools.web_page import make_page_tool


class Pages:
    site: Site

    @pytest.fixture(autouse=True)
    def _site(self, site: Site) -> None:
        self.site = site

    @property
    def tool_constructor(self) -> BaseTool:
        return make_page_tool(allow_hosts=[self.site.host])

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"url": self.site.put("/", "<p>Hello."), "question": "What is said?"}


class TestPagesUnit(Pages, ToolsUnitTests):
    pass


class TestPagesIntegration(Pages, ToolsIntegrationTests):
    pass
