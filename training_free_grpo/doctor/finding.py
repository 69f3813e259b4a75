"""What was found, without the secrets that an error may have quoted."""

from typing import Literal, NamedTuple

from training_free_grpo.redact import redact


class Finding(NamedTuple):
    """What was found of one thing."""

    name: str
    state: Literal["ok", "note", "failed"]
    """`failed` is what a run cannot do without, `note` what is worth knowing."""
    said: str
    remedy: str = ""


def hide_secrets(finding: Finding) -> Finding:
    """Take out what the environment holds as a secret, should an error have quoted it."""
    return finding._replace(said=" ".join(redact(finding.said).split()))
