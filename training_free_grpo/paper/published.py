"""Published figures, in percent as they were printed, and where they stand.

Those of the numbered tables are from arXiv 2510.08191v1 (9 October 2025). The last two groups
were measured by others, and only the figures are known to us, not the models.
"""

from dataclasses import dataclass

_V31 = "DeepSeek-V3.1-Terminus"
_V32 = "DeepSeek-V3.2-Exp"


@dataclass(frozen=True)
class Row:
    """A line of a published table; its figures are in the order of the table's columns."""

    method: str
    model: str
    figures: tuple[float | None, ...]
    cost: str = ""
    """Of learning or training, where it was told."""


TABLE_1 = (
    Row("Direct", _V31, (68.6, 52.9)),
    Row("Direct + TF-GRPO", _V31, (72.6, 54.0), "≈ $8"),
    Row("ReAct", _V31, (80.0, 67.9)),
    Row("ReAct + TF-GRPO", _V31, (82.7, 73.3), "≈ $18"),
    Row("ReAct", _V32, (71.0, 61.8)),
    Row("ReAct + TF-GRPO", _V32, (73.1, 63.2), "≈ $8"),
)
TABLE_2 = (
    Row("ReAct", _V31, (80.0, 67.9)),
    Row("ReAct + directly generated lessons", _V31, (79.8, 67.3)),
    Row("ReAct + TF-GRPO, truth withheld", _V31, (80.7, 68.9)),
    Row("ReAct + TF-GRPO, group of one", _V31, (80.4, 69.3)),
    Row("ReAct + TF-GRPO", _V31, (82.7, 73.3)),
)
TABLE_3 = (
    Row("ReAct", "Qwen2.5-32B-Instruct", (29.6, 23.1)),
    Row("ZeroTIR", "Qwen2.5-32B", (56.7, 33.3), "≈ $20,000"),
    Row("SimpleTIR", "Qwen2.5-32B", (59.9, 49.2), "≈ $20,000"),
    Row("ReTool", "Qwen2.5-32B", (67.0, 49.3), "≈ $10,000"),
    Row("AFM", "Qwen2.5-32B", (66.7, 59.8), "≈ $10,000"),
    Row("ReAct", "Qwen3-32B, not thinking", (29.1, 19.5)),
    Row("ReAct + TF-GRPO", "Qwen3-32B, not thinking", (33.5, 25.4), "≈ $4"),
    Row("ReAct", "Qwen2.5-72B-Instruct", (13.5, 9.6)),
    Row("ReAct + TF-GRPO", "Qwen2.5-72B-Instruct", (14.9, 11.4), "≈ $3"),
    Row("ReAct", _V31, (80.0, 67.9)),
    Row("ReAct + TF-GRPO", _V31, (82.7, 73.3), "≈ $18"),
)
TABLE_4 = (
    Row("ReAct", _V31, (63.2,)),
    Row("ReAct + TF-GRPO", _V31, (67.8,)),
)
TABLE_5 = (
    Row("ReAct", "QwQ-32B", (27.5, 43.1)),
    Row("ReAct + TF-GRPO", "QwQ-32B", (25.5, 45.1)),
    Row("ReAct", _V31, (66.7, 74.5)),
    Row("ReAct + directly generated lessons", _V31, (64.7, 76.5)),
    Row("ReAct + TF-GRPO, truth withheld", _V31, (66.7, 78.4)),
    Row("ReAct + TF-GRPO", _V31, (68.6, 78.4)),
)
TABLE_6 = (
    Row("ReAct", "Qwen2.5-32B-Instruct", (29.6, 23.1, 31.9)),
    Row("ReTool, trained on math", "Qwen2.5-32B", (67.0, 49.3, 18.3)),
    Row("MiroThinker, trained on the web", "Qwen3-32B", (43.5, 36.8, 53.6)),
    Row("ReAct + TF-GRPO", _V31, (82.7, 73.3, 67.8)),
)
SINGLE_RUN = (
    Row("ReAct + TF-GRPO", "not told", (None, 53.0, 21.69, 80.0)),
    Row("TF-TTCL", "not told", (None, 54.0, 24.63, 83.33)),
)
DEEP_SEARCH = (Row("ReAct + TF-GRPO", "not told", (68.0, 76.0, 46.0, 44.0, 49.0)),)
