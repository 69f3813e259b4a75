"""A run as one HTML file that needs no network: `tfgrpo report`."""

from training_free_grpo.report.page import write_report

__all__ = ["write_report"]
