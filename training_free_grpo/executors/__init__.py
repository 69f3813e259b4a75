"""Rollouts past one machine: a run's own process keeps the graph, workers elsewhere attempt."""

from training_free_grpo.executors.cluster import Cluster, ClusterError
from training_free_grpo.executors.pool import Workers
from training_free_grpo.executors.worker import make_setup

__all__ = ["Cluster", "ClusterError", "Workers", "make_setup"]
