"""Logs for Inspect (the extra `inspect`), one for each step of a run or arm of an evaluation."""

from training_free_grpo.inspect_logs.hearing import EvaluationLogs, TrainingLogs
from training_free_grpo.inspect_logs.steps import missing_logs, write_step
from training_free_grpo.inspect_logs.writing import check_inspect

__all__ = ["EvaluationLogs", "TrainingLogs", "check_inspect", "missing_logs", "write_step"]
