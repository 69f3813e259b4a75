"""Graders, which turn an answer into a reward."""

from training_free_grpo.graders.callables import (
    Grader,
    apply_grader,
    as_grader,
    is_left_to_judge,
    load_grader,
    wants_trajectory,
)
from training_free_grpo.graders.composite import cascade, weighted
from training_free_grpo.graders.evaluators import from_evaluator
from training_free_grpo.graders.math import grade_math
from training_free_grpo.graders.qa import grade_qa

__all__ = [
    "Grader",
    "apply_grader",
    "as_grader",
    "cascade",
    "from_evaluator",
    "grade_math",
    "grade_qa",
    "is_left_to_judge",
    "load_grader",
    "wants_trajectory",
    "weighted",
]
