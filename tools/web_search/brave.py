"""Brave Search: https://api-dashboard.search.brave.com/app/documentation/web-search."""

from pydantic import SecretStr

from training_free_grpo.tools.web_search.api import Api
from training_free_grpo.tools.web_search.options import (
    TIMEOUT,
    ApiKey,
    Recency,
    check_recency,
    check_url,
    given,
    public,
)
from training_free_grpo.tools.web_search.provider import Named, SearchProvider, SearchResult, spell
from training_free_grpo.tools.web_search.rows import read_rows

_MOST = 20
_MOST_WORDS = 50
_MOST_CHARACTERS = 400


def brave(
    api_key: str | SecretStr | None = None,
    *,
    language: str | None = None,
    recency: Recency | None = None,
    base_url: str = "https://api.search.brave.com",
    timeout: float = TIMEOUT,
) -> SearchProvider:
    """Search with Brave; without `api_key` the key is read from BRAVE_API_KEY.

    `language` is one of Brave's codes, such as "fr" or "pt-br".
    """
    url = f"{check_url(base_url)}/res/v1/web/search"
    period = check_recency(recency)
    options = given(freshness=period and f"p{period[0]}", search_lang=language)
    key = ApiKey("brave", "BRAVE_API_KEY", api_key)
    api = Api("Brave", key.remedy, timeout)

    def search(query: str, max_results: int) -> list[SearchResult]:
        answer = api.ask(
            "GET",
            url,
            headers={"X-Subscription-Token": key.read(), "Accept": "application/json"},
            params={"q": _cut(query), "count": min(max_results, _MOST), **options},
        )
        # Without results, there is no `web`.
        web = answer.get("web", {"results": []})
        rows = web.get("results") if isinstance(web, dict) else None
        return read_rows("Brave", rows, url="url", snippet="description", published="page_age")

    name = spell("brave", language=language, recency=recency, base_url=public(base_url))
    return Named(name, search, key.read)


def _cut(query: str) -> str:
    """Cut a query to the length that Brave accepts; it refuses longer ones."""
    return " ".join(query.split()[:_MOST_WORDS])[:_MOST_CHARACTERS]
