"""DuckDuckGo, through langchain-community's wrapper."""

import warnings
from functools import cache
from typing import Any

from training_free_grpo.tools.web_search.options import Recency, check_recency
from training_free_grpo.tools.web_search.provider import (
    Named,
    SearchError,
    SearchProvider,
    SearchResult,
    spell,
)


def duckduckgo(*, region: str | None = None, recency: Recency | None = None) -> SearchProvider:
    """Search DuckDuckGo, which needs no key and refuses frequent requests.

    It has no option for language alone: `region` is country and language, such as "ca-fr".
    """
    period = check_recency(recency)

    def search(query: str, max_results: int) -> list[SearchResult]:
        wrapper, refused = _wrapper(region, period and period[0])
        try:
            rows = wrapper.results(query, max_results)
        except refused as error:
            # ddgs says "No results found." for a refused search, too: never report it as empty.
            raise SearchError(f"DuckDuckGo gave no answer ({error})") from error
        if not rows:
            raise SearchError("DuckDuckGo gave no answer")
        return [
            SearchResult(
                title=row["title"], url=row["link"], snippet=row["snippet"], source="duckduckgo"
            )
            for row in rows
        ]

    return Named(spell("duckduckgo", region=region, recency=recency), search)


@cache
def _wrapper(region: str | None, period: str | None) -> tuple[Any, type[Exception]]:
    """Import langchain-community's wrapper on first use, since that takes seconds."""
    with warnings.catch_warnings():
        # langchain-community announces its end on import, which does not concern our users.
        warnings.simplefilter("ignore", DeprecationWarning)
        from langchain_community.utilities.duckduckgo_search import DuckDuckGoSearchAPIWrapper
    from ddgs.exceptions import DDGSException

    # By default the wrapper drops pages older than a year and asks other engines as well.
    wrapper = DuckDuckGoSearchAPIWrapper(
        region=region or "wt-wt", time=period, backend="duckduckgo"
    )
    return wrapper, DDGSException
