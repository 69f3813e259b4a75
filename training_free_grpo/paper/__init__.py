"""The published tables, run again with a model of the user's."""

from training_free_grpo.paper.tables import TABLES, Column, Method, Table

__all__ = ["TABLES", "Column", "Method", "Table"]
