"""Check what a run needs, and suggest remedies: `tfgrpo doctor`."""

from training_free_grpo.doctor.examine import examine
from training_free_grpo.doctor.finding import Finding

__all__ = ["Finding", "examine"]
