"""Search the web: one tool over providers that can be chained, limited, cached and guarded."""

from training_free_grpo.tools.web_search.brave import brave
from training_free_grpo.tools.web_search.cache import cached
from training_free_grpo.tools.web_search.duckduckgo import duckduckgo
from training_free_grpo.tools.web_search.fallback import fallback
from training_free_grpo.tools.web_search.leaks import guard_leaks
from training_free_grpo.tools.web_search.options import Recency
from training_free_grpo.tools.web_search.provider import (
    RateLimited,
    SearchError,
    SearchProvider,
    SearchResult,
    SearchSetupError,
    check_provider,
)
from training_free_grpo.tools.web_search.rate_limit import rate_limited
from training_free_grpo.tools.web_search.searxng import searxng
from training_free_grpo.tools.web_search.serper import serper
from training_free_grpo.tools.web_search.tavily import tavily
from training_free_grpo.tools.web_search.tool import make_search_tool

__all__ = [
    "RateLimited",
    "Recency",
    "SearchError",
    "SearchProvider",
    "SearchResult",
    "SearchSetupError",
    "brave",
    "cached",
    "check_provider",
    "duckduckgo",
    "fallback",
    "guard_leaks",
    "make_search_tool",
    "rate_limited",
    "searxng",
    "serper",
    "tavily",
]
