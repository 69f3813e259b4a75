"""What the site generates when it is built: settings, presets, commands, and labels in tables."""

import atexit
import json
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from mkdocs.plugins import event_priority

from training_free_grpo.cli.app import load_commands
from training_free_grpo.settings import PRESETS, Settings

PACKAGE = "training_free_grpo"
PLACE = "<!-- generated: {} -->"
ROOT = Path(__file__).resolve().parents[1]
NUMBERS = {
    name: field.default
    for name, field in Settings.model_fields.items()
    if isinstance(field.default, int | float) and not isinstance(field.default, bool)
}
"""Settings whose defaults hold for an option of the same name that is not given."""


@event_priority(100)  # before mkdocstrings reads its own
def on_config(config: Any) -> Any:
    """Show mkdocstrings the package as it is installed, where the links inside it are missing.

    A source distribution has none.
    """
    if not (ROOT / PACKAGE / "graphs").exists():
        layout = Path(mkdtemp(prefix="tfgrpo-docs-"))
        atexit.register(rmtree, layout)
        (layout / PACKAGE).mkdir()
        folders = [ROOT / name for name in ("graphs", "tools", "prompts")]
        for part in [*(ROOT / PACKAGE).iterdir(), *folders]:
            (layout / PACKAGE / part.name).symlink_to(part)
        config.plugins["mkdocstrings"].config.handlers["python"]["paths"] = [str(layout)]
    return config


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Fill the places of a page; MkDocs calls this by its name."""
    for name, generate in GENERATED.items():
        place = PLACE.format(name)
        if place in markdown:
            markdown = markdown.replace(place, generate())
    return markdown


def on_page_content(html: str, **kwargs: Any) -> str:
    """Label the cells of tables of texts, which a phone shows one below the other."""
    return re.sub(r"<table>.*?</table>", label_cells, html, flags=re.DOTALL)


def label_cells(found: re.Match[str]) -> str:
    """Write the head of its column on each cell; a table with numbers aligned right stays."""
    text = found[0]
    if "text-align: right" in text:
        return text
    heads = cycle(re.sub(r"<[^>]+>", "", head) for head in re.findall(r"<th>(.*?)</th>", text))
    text = re.sub(r"<td", lambda _: f'<td data-label="{next(heads)}"', text)
    return text.replace("<table>", "<table data-texts>")


def settings() -> str:
    """Describe every setting, its default and its bounds."""
    fields = Settings.model_json_schema()["properties"]
    rows = ([f"`{name}`", *describe(field)] for name, field in fields.items())
    return table(("setting", "", "default", "may be"), rows)


def describe(field: dict[str, Any]) -> tuple[str, str, str]:
    """Return the description of a setting, its default, and what it may be."""
    kinds = field.get("anyOf", [field])
    allowed = [may_be(kind) for kind in kinds if kind["type"] != "null"]
    default = "" if field["default"] is None else json.dumps(field["default"]).strip('"')
    return " ".join(field["description"].split()), default and f"`{default}`", ", ".join(allowed)


def may_be(kind: dict[str, Any]) -> str:
    """Say what a value of a JSON schema may be."""
    if "enum" in kind:
        return ", ".join(f"`{value}`" for value in kind["enum"])
    if kind["type"] == "boolean":
        return "`true`, `false`"
    words = {"integer": "a whole number", "number": "a number", "string": "a text"}
    word = (words | {"object": "a table"})[kind["type"]]
    if "exclusiveMinimum" in kind:
        return f"{word} above {kind['exclusiveMinimum']:,}"
    if "minimum" not in kind:
        return word
    if "maximum" not in kind:
        return f"{word} from {kind['minimum']:,}"
    return f"{word}, {kind['minimum']:,} to {kind['maximum']:,}"


def presets() -> str:
    """Say what each preset sets."""
    rows = (
        (f"`{name}`", ", ".join(f"`{option}` {value}" for option, value in options.items()))
        for name, options in PRESETS.items()
    )
    return table(("preset", "sets"), rows)


def commands() -> str:
    """Describe every command, from the command line's own help."""
    return "\n".join(describe_commands(load_commands(), "tfgrpo"))


def describe_commands(command: Any, name: str) -> Iterable[str]:
    """Describe a command, or those of a group."""
    if hasattr(command, "commands"):
        for each, inner in command.commands.items():
            yield from describe_commands(inner, f"{name} {each}")
        return
    told, _, example = command.help.partition("Example: ")
    yield f"\n## {name}\n\n{told}```\n{example}\n```\n"
    rows = ((f"`{name_of(each)}`", each.help or "", shown(each)) for each in command.params)
    yield table(("option", "", "default"), rows)


def name_of(option: Any) -> str:
    """Return how an option is written; an argument has its name in capitals."""
    return str(option.name.upper() if option.param_type_name == "argument" else option.opts[-1])


def shown(option: Any) -> str:
    """Return a default that is worth showing."""
    default = option.default
    if default is None and isinstance(option.show_default, str):
        default = option.show_default
    elif default is None and option.name in NUMBERS:
        default = NUMBERS[option.name]
    worth = default is not None and not callable(default) and not option.is_flag
    return f"`{default}`" if worth else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Draw a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    cells = ([cell.replace("|", "&#124;") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def root_page(name: str) -> Callable[[], str]:
    """Return what reads a page that lies beside the package."""
    return lambda: (ROOT / name).read_text("utf-8")


GENERATED: dict[str, Callable[[], str]] = {
    "settings": settings,
    "presets": presets,
    "commands": commands,
    "changelog": root_page("CHANGELOG.md"),
    "contributing": root_page("CONTRIBUTING.md"),
}
