"""Connect to a Ray cluster, or start a temporary one on this machine.

Needs the extra `[ray]`.
"""

import os
import secrets
import socket
from dataclasses import dataclass
from typing import Any

from training_free_grpo.arguments import argument
from training_free_grpo.errors import UserError

_PATIENCE = 10
_OBJECTS = 2**28
"""Bytes for data in transit between processes: single rollouts."""


class ClusterError(UserError, ValueError):
    """A cluster cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Cluster:
    """Where to run rollouts: `auto` finds a cluster on this machine, None starts one."""

    address: str | None = None

    def check(self) -> None:
        """Raise ClusterError if Ray is not installed, or nothing listens at the address."""
        load_ray()
        if self.address not in (None, "auto"):
            check_address(str(self.address))

    def join(self, folder: str) -> None:
        """Connect to the cluster; a new one uses the folder, whose path must be short.

        Raise ClusterError on failure.
        """
        options: dict[str, Any] = {"address": self.address or "local"}
        if self.address is None:
            # By default, Ray reports usage statistics and leaves a token in the home folder.
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
            options |= {"_temp_dir": folder, "object_store_memory": _OBJECTS}
            options |= {"include_dashboard": False}
        ray = load_ray()
        try:
            ray.init(log_to_driver=False, logging_level="error", **options)
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise ClusterError(f"cannot use the cluster {options['address']!r}: {error}") from None

    def leave(self) -> None:
        """Disconnect; a cluster started for the run stops."""
        load_ray().shutdown()


def check_address(address: str) -> None:
    """Raise ClusterError if nothing listens at HOST:PORT: Ray itself retries for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"{argument('the cluster', '--ray-address')} {address!r} cannot be reached ({error}): "
            "give HOST:PORT of a running cluster, auto for the one on this machine, or nothing to "
            "start one for this run"
        ) from None


def load_ray() -> Any:
    """Import Ray; raise ClusterError with the remedy if it is not installed."""
    try:
        import ray
    except ImportError:
        raise ClusterError(
            f"{argument('a cluster', '--executor ray')} needs Ray: "
            "pip install 'training-free-grpo[ray]'"
        ) from None
    return ray
