"""The command line: `tfgrpo`."""

from training_free_grpo.cli.app import main

__all__ = ["main"]
