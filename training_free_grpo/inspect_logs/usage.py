"""The usage of model calls, in Inspect's terms."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from training_free_grpo.records import Cost, Usage

if TYPE_CHECKING:
    from inspect_ai.model import ModelUsage


def read_usage(usage: Usage, cost: Cost = "unknown") -> "ModelUsage":
    """Read the usage of a role; Inspect counts cached tokens apart from the input."""
    from inspect_ai.model import ModelUsage

    return ModelUsage(
        input_tokens=usage["input"] - usage["cached"],
        input_tokens_cache_read=usage["cached"],
        output_tokens=usage["output"],
        total_tokens=usage["input"] + usage["output"],
        total_cost=None if cost == "unknown" else cost,
    )


def total(usages: "Iterable[tuple[str, ModelUsage]]") -> "dict[str, ModelUsage]":
    """Add up usages by name."""
    found: dict[str, ModelUsage] = {}
    for name, used in usages:
        found[name] = found[name] + used if name in found else used
    return found
