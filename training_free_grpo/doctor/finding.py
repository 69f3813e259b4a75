"""What was found, without the secrets that an error may have quoted."""

import os
import re
from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """What was found of one thing."""

    name: str
    state: Literal["ok", "note", "failed"]
    """`failed` is what a run cannot do without, `note` what is worth knowing."""
    said: str
    remedy: str = ""


def hide_secrets(finding: Finding) -> Finding:
    """Take out what the environment holds as a secret, should an error have quoted it."""
    said = finding.said
    for name, value in os.environ.items():
        if re.search("KEY|TOKEN|SECRET|PASSWORD", name) and len(value) > 4:
            said = said.replace(value, f"[{name}]")
    return finding._replace(said=" ".join(said.split()))
