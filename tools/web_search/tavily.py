"""Tavily: https://docs.tavily.com/documentation/api-reference/endpoint/search."""

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


def tavily(
    api_key: str | SecretStr | None = None,
    *,
    language: str | None = None,
    recency: Recency | None = None,
    base_url: str = "https://api.tavily.com",
    timeout: float = TIMEOUT,
) -> SearchProvider:
    """Search with Tavily; without `api_key` the key is read from TAVILY_API_KEY.

    `language` is a code such as "fr".
    """
    url = f"{check_url(base_url)}/search"
    options = given(time_range=check_recency(recency), language=language)
    key = ApiKey("tavily", "TAVILY_API_KEY", api_key)
    api = Api("Tavily", key.remedy, timeout)

    def search(query: str, max_results: int) -> list[SearchResult]:
        answer = api.ask(
            "POST",
            url,
            headers={"Authorization": f"Bearer {key.read()}"},
            json={
                "query": query,
                "max_results": min(max_results, _MOST),
                "include_published_date": True,
                **options,
            },
        )
        return read_rows(
            "Tavily",
            answer.get("results"),
            url="url",
            snippet="content",
            published="published_date",
        )

    name = spell("tavily", language=language, recency=recency, base_url=public(base_url))
    return Named(name, search, key.read)
