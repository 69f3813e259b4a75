"""Findings, without secrets that an error may quote."""

from typing import Literal, NamedTuple

from training_free_grpo.redact import redact


class Finding(NamedTuple):
    """The result of one check."""

    name: str
    state: Literal["ok", "note", "failed"]
    """`failed` means that a run cannot work, `note` is worth knowing."""
    said: str
    remedy: str = ""


def hide_secrets(finding: Finding) -> Finding:
    """Redact secrets of the environment that an error may quote."""
    return finding._replace(said=" ".join(redact(finding.said).split()))
