"""What the site generates when it is built: the tables of settings, presets and commands."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import typer

from training_free_grpo.cli import main
from training_free_grpo.settings import PRESETS, Settings

PLACE = "<!-- generated: {} -->"


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Fill the places of a page; MkDocs calls this by its name."""
    for name, generate in GENERATED.items():
        place = PLACE.format(name)
        if place in markdown:
            markdown = markdown.replace(place, generate())
    return markdown


def settings() -> str:
    """Describe every setting, its default and its bounds."""
    fields = Settings.model_json_schema()["properties"]
    rows = ([f"`{name}`", *describe(field)] for name, field in fields.items())
    return table(("setting", "default", "may be", ""), rows)


def describe(field: dict[str, Any]) -> tuple[str, str, str]:
    """Return the default of a setting, what it may be, and its description."""
    kinds = field.get("anyOf", [field])
    allowed = [may_be(kind) for kind in kinds if kind["type"] != "null"]
    default = "" if field["default"] is None else json.dumps(field["default"]).strip('"')
    return default and f"`{default}`", ", ".join(allowed), " ".join(field["description"].split())


def may_be(kind: dict[str, Any]) -> str:
    """Say what a value of a JSON schema may be."""
    if "enum" in kind:
        return ", ".join(f"`{value}`" for value in kind["enum"])
    if kind["type"] == "boolean":
        return "`true`, `false`"
    bounds = [
        f"{sign} {kind[name]:,}"
        for name, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))
        if name in kind
    ]
    words = {"integer": "a whole number", "number": "a number", "string": "a text"}
    return " ".join([words[kind["type"]], *bounds])


def presets() -> str:
    """Say what each preset sets."""
    rows = (
        (f"`{name}`", ", ".join(f"`{option}` {value}" for option, value in options.items()))
        for name, options in PRESETS.items()
    )
    return table(("preset", "sets"), rows)


def commands() -> str:
    """Describe every command, from the command line's own help."""
    return "\n".join(describe_commands(typer.main.get_command(main), "tfgrpo"))


def describe_commands(command: Any, name: str) -> Iterable[str]:
    """Describe a command, or those of a group."""
    if hasattr(command, "commands"):
        for each, inner in command.commands.items():
            yield from describe_commands(inner, f"{name} {each}")
        return
    yield f"\n## {name}\n\n{command.help}\n"
    rows = ((f"`{name_of(each)}`", each.help or "", shown(each)) for each in command.params)
    yield table(("option", "", "default"), rows)


def name_of(option: Any) -> str:
    """Return how an option is written; an argument has its name in capitals."""
    return str(option.name.upper() if option.param_type_name == "argument" else option.opts[-1])


def shown(option: Any) -> str:
    """Return a default that is worth showing."""
    worth = option.default is not None and not callable(option.default) and not option.is_flag
    return f"`{option.default}`" if worth else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Draw a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    cells = ([cell.replace("|", "&#124;") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


GENERATED: dict[str, Callable[[], str]] = {
    "settings": settings,
    "presets": presets,
    "commands": commands,
}
