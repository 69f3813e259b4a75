"""Recorded rollouts of any origin to learn from: read, grouped by problem, graded or not."""

from training_free_grpo.traces.load import FIELDS, load_traces
from training_free_grpo.traces.trace import Trace, Traces

__all__ = ["FIELDS", "Trace", "Traces", "load_traces"]
