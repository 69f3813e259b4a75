"""SearXNG, a self-hosted metasearch engine: https://docs.searxng.org."""

from training_free_grpo.tools.web_search.api import Api
from training_free_grpo.tools.web_search.options import (
    TIMEOUT,
    Recency,
    check_recency,
    check_url,
    given,
    public,
)
from training_free_grpo.tools.web_search.provider import (
    Named,
    SearchError,
    SearchProvider,
    SearchResult,
    spell,
)
from training_free_grpo.tools.web_search.rows import read_rows

_REMEDY = "allow JSON: add `json` under `search.formats` in its settings.yml"


def searxng(
    base_url: str,
    *,
    language: str | None = None,
    recency: Recency | None = None,
    timeout: float = TIMEOUT,
) -> SearchProvider:
    """Search with the SearXNG at a URL. `language` is a code such as "fr" or "fr-CA"."""
    url = f"{check_url(base_url)}/search"
    options = given(time_range=check_recency(recency), language=language)
    api = Api("SearXNG", _REMEDY, timeout)

    def search(query: str, max_results: int) -> list[SearchResult]:
        answer = api.ask("GET", url, params={"q": query, "format": "json", **options})
        results = read_rows(
            "SearXNG",
            answer.get("results"),
            url="url",
            snippet="content",
            published="publishedDate",
        )
        if not results and answer.get("unresponsive_engines"):
            raise SearchError("SearXNG got no answer from some of its engines, and no results")
        return results[:max_results]

    name = spell("searxng", base_url=public(base_url), language=language, recency=recency)
    return Named(name, search)
