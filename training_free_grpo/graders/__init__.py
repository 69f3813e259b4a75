"""Graders: how an answer becomes a reward."""

from training_free_grpo.graders.callables import Grader, apply_grader, load_grader
from training_free_grpo.graders.math import grade_math

__all__ = ["Grader", "apply_grader", "grade_math", "load_grader"]
