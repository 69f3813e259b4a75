"""The figures of a training step and of an evaluation."""

from training_free_grpo.metrics.comparison import compare_evaluations, compare_majority
from training_free_grpo.metrics.evaluation import measure_evaluation
from training_free_grpo.metrics.step import measure_step

__all__ = ["compare_evaluations", "compare_majority", "measure_evaluation", "measure_step"]
