"""Read web pages for a model, as text, with access to public hosts only."""

from training_free_grpo.tools.web_page.errors import PageError
from training_free_grpo.tools.web_page.guard import Resolver, system_resolver
from training_free_grpo.tools.web_page.reader import Page, PageOptions, PageReader
from training_free_grpo.tools.web_page.tool import make_page_tool

__all__ = [
    "Page",
    "PageError",
    "PageOptions",
    "PageReader",
    "Resolver",
    "make_page_tool",
    "system_resolver",
]
