"""Rerun the published tables with the user's model."""

from training_free_grpo.paper.tables import TABLES, Column, Method, Table

__all__ = ["TABLES", "Column", "Method", "Table"]
