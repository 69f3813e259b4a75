"""Load the prompts: one Markdown file per model call, shown to the model as it stands.

A file has a system part and, below a line `<!-- user -->`, a user part. Values stand in
`{{ name }}`, which neither LaTeX nor JSON collides with. What models, pages and data sets wrote
goes in through `quote`, so that it can never close the block it stands in.
"""

import hashlib
import re
from functools import cache
from html import escape
from importlib import resources

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage

CALLS = (
    "agent",
    "tools",
    "experience",
    "final_answer",
    "summarize",
    "extract_advantage",
    "generate_lessons",
    "edit_experiences",
    "judge",
    "repair",
)

_PLACE = re.compile(r"\{\{ (\w+) \}\}")
_USER = "<!-- user -->"


class PromptError(ValueError):
    """A prompt was filled with a value too few or too many."""


@cache
def read_prompt(name: str) -> str:
    """Read the text of one prompt file."""
    return resources.files(__name__).joinpath(f"{name}.md").read_text("utf-8").strip()


def render_prompt(name: str, **values: str) -> str:
    """Fill the prompt; raise PromptError for a missing and for a surplus value."""
    text = read_prompt(name)
    places = set(_PLACE.findall(text))
    if missing := places - values.keys():
        raise PromptError(f"prompt {name!r} needs a value for {', '.join(sorted(missing))}")
    if surplus := values.keys() - places:
        raise PromptError(f"prompt {name!r} has no place for {', '.join(sorted(surplus))}")
    # One pass: a value that itself contains `{{ x }}` stays as it is.
    return _PLACE.sub(lambda place: values[place[1]], text)


def render_messages(name: str, **values: str) -> list[AnyMessage]:
    """Fill the prompt and cut it into its system and its user message."""
    system, _, user = render_prompt(name, **values).partition(_USER)
    return [SystemMessage(system.strip()), HumanMessage(user.strip())]


def quote(tag: str, text: str, **attributes: object) -> str:
    """Put foreign text into a `<tag>` block that the text itself cannot close or reopen."""
    safe = re.sub(rf"<(?=\s*/?\s*{tag}\b)", "&lt;", text, flags=re.IGNORECASE)
    named = "".join(f' {key}="{escape(str(value))}"' for key, value in attributes.items())
    return f"<{tag}{named}>\n{safe.strip()}\n</{tag}>"


def fingerprint_prompts() -> str:
    """Hash all prompt files: twelve hexadecimal digits that change with any word in them."""
    digest = hashlib.sha256()
    for name in CALLS:
        digest.update(f"{name}\0{read_prompt(name)}\0".encode())
    return digest.hexdigest()[:12]
