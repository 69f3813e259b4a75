"""Data sets: by name, from a file or from the hub, checked before any money is spent."""

from training_free_grpo.datasets.errors import DatasetError
from training_free_grpo.datasets.load import load_problems
from training_free_grpo.datasets.named import NAMED, NamedSet
from training_free_grpo.datasets.overlap import OverlapError, check_overlap, find_overlap
from training_free_grpo.datasets.problems import fingerprint_problems, read_problems
from training_free_grpo.datasets.rows import read_mapping, read_problem
from training_free_grpo.datasets.sample import draw_sample

__all__ = [
    "NAMED",
    "DatasetError",
    "NamedSet",
    "OverlapError",
    "check_overlap",
    "draw_sample",
    "find_overlap",
    "fingerprint_problems",
    "load_problems",
    "read_mapping",
    "read_problem",
    "read_problems",
]
