"""Providers of the tests' own."""

from training_free_grpo.tools.web_search import SearchResult


def result(title: str = "Paris") -> SearchResult:
    return SearchResult(title=title, url="https://example.org", snippet="", source="test")


class Script:
    """A provider that plays results and errors in order, the last one again and again."""

    def __init__(self, *steps: SearchResult | Exception) -> None:
        self._steps = list(steps)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, query: str, max_results: int) -> list[SearchResult]:
        self.asked.append((query, max_results))
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, Exception):
            raise step
        return [step]
