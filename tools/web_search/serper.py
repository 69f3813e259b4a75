"""Serper, which searches Google: https://serper.dev."""

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

_MOST = 100


def serper(
    api_key: str | SecretStr | None = None,
    *,
    language: str | None = None,
    recency: Recency | None = None,
    base_url: str = "https://google.serper.dev",
    timeout: float = TIMEOUT,
) -> SearchProvider:
    """Search Google with Serper; without `api_key` the key is read from SERPER_API_KEY.

    `language` is one of Google's codes, such as "fr" or "pt-br".
    """
    url = f"{check_url(base_url)}/search"
    period = check_recency(recency)
    options = given(tbs=period and f"qdr:{period[0]}", hl=language)
    key = ApiKey("serper", "SERPER_API_KEY", api_key)
    api = Api("Serper", key.remedy, timeout)

    def search(query: str, max_results: int) -> list[SearchResult]:
        answer = api.ask(
            "POST",
            url,
            headers={"X-API-KEY": key.read()},
            json={"q": query, "num": min(max_results, _MOST), **options},
        )
        return read_rows(
            "Serper", answer.get("organic"), url="link", snippet="snippet", published="date"
        )

    name = spell("serper", language=language, recency=recency, base_url=public(base_url))
    return Named(name, search, key.read)
