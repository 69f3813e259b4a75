"""What an endpoint refuses by name, learned from its own words and kept for the run."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from langchain_core.language_models import BaseChatModel

from training_free_grpo.models.chat import Changes
from training_free_grpo.models.traffic.error_report import ErrorReport, any_of
from training_free_grpo.models.traffic.failures import says_unsupported

_SENT = (
    *("temperature", "top_p", "top_k", "seed", "max_tokens", "max_completion_tokens", "stop"),
    *("stream_options", "parallel_tool_calls", "tool_choice", "logprobs", "presence_penalty"),
    *("frequency_penalty", "reasoning_effort", "reasoning", "verbosity", "service_tier", "store"),
    *("thinking", "user", "metadata", "max_output_tokens"),
)
"""Parameters of a request that an answer can do without."""
_FIELDS = ("reasoning_content", "reasoning_details", "extra_content", "cache_control")
"""Fields of messages that are sent back, or added."""
_WANTED = any_of(
    "must be (?:passed|provided|included|sent)", "missing", "required", "pass(?:ed)? back"
)
_RESPONSES = any_of("v1/responses", "responses api")
_NO_SYSTEM = any_of(
    r"(?:system|developer)[` '\"]*(?:role|message|prompt|instruction)s?\b[^.;]{0,40}"
    r"(?:not (?:supported|allowed|enabled|permitted)|unsupported)",
    r"(?:unsupported|not support|unknown|unexpected|invalid)[^.;]{0,40}\b(?:system|developer)\b",
)


class Adaptation:
    """What an endpoint is no longer sent, or is asked by."""

    def __init__(self) -> None:
        self.changes = Changes()
        self.notes: list[str] = []
        """What was changed, in words, each once."""

    def learn(
        self, report: ErrorReport, made_with: Changes, options: Collection[str]
    ) -> str | None:
        """Change what the report asks for; return it, or None if it asks for nothing new.

        `made_with` is what the refused request was made with: another call may have learned the
        same meanwhile, and then it is worth asking again.
        """
        if report.status not in (None, 400, 404, 422, 500, 501):
            return None
        if _RESPONSES.search(report.words) and not made_with.responses:
            self.changes = replace(self.changes, responses=True)
            return "chat completions: the Responses API is used instead"
        if _NO_SYSTEM.search(report.words) and not made_with.no_system:
            self.changes = replace(self.changes, no_system=True)
            return "system messages: they are put before the question"
        name = find_refused(report, {*_SENT, *_FIELDS, *options})
        if name is None or name in made_with.dropped:
            return None
        self.changes = replace(self.changes, dropped=self.changes.dropped | {name})
        return f"{name}: it is not sent any more"


def find_refused(report: ErrorReport, names: Collection[str]) -> str | None:
    """Return the parameter that an error refuses by its name."""
    said = report.text.casefold()
    fields = [name for name in _FIELDS if name in names and name in said]
    if fields and not _WANTED.search(said):
        return fields[0]
    if not says_unsupported(report):
        return None
    by_code = [name for name in names if name in report.codes]
    if by_code:
        return by_code[0]
    places = {name: re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", said) for name in names}
    found = [(match.start(), name) for name, match in places.items() if match]
    return min(found)[1] if found else None


def silently_dropped(
    model: BaseChatModel, temperature: float | None, options: Mapping[str, Any], changes: Changes
) -> bool:
    """Tell whether LangChain leaves out a temperature by itself, as for gpt-5."""
    wanted = options.get("temperature", temperature)
    known = hasattr(model, "temperature") and "temperature" not in changes.dropped
    return known and wanted is not None and getattr(model, "temperature", None) is None
