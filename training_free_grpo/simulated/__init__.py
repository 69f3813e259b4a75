"""The embedded chat model: the whole learning loop without a key or network.

It follows rules and sees only the messages it receives: no rewards, ids or answers reach it outside
the prompt, and its reflection compares texts without knowing which approach is right.
"""

from training_free_grpo.simulated.model import SimulatedModel
from training_free_grpo.simulated.problems import heldout_problems, training_problems
from training_free_grpo.simulated.town import passages

__all__ = ["SimulatedModel", "heldout_problems", "passages", "training_problems"]
