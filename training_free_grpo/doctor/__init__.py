"""Examine what a run would need, and say of each thing what to do about it: `tfgrpo doctor`."""

from training_free_grpo.doctor.examine import examine
from training_free_grpo.doctor.finding import Finding

__all__ = ["Finding", "examine"]
