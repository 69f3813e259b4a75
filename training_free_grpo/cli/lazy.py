"""Commands whose modules are imported when they run: `--help` and `--version` need none of them."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand


class LazyCommand(TyperCommand):
    """A command known by its name and one line of help until it runs.

    `source` is `module:attribute` in this folder; the attribute is a function or a `typer.Typer`.
    """

    def __init__(self, name: str, source: str, help: str) -> None:
        super().__init__(name, help=help)
        self._source = source

    def load(self) -> Any:
        """Import the command itself."""
        module, _, attribute = self._source.partition(":")
        found = getattr(import_module(f"{__package__}.{module}"), attribute)
        if not isinstance(found, typer.Typer):
            app = typer.Typer(add_completion=False)
            app.command(self.name)(found)
            found = app
        command = typer.main.get_command(found)
        command.name = self.name
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Run the command itself."""
        return self.load().make_context(info_name, args, parent=parent, **extra)
