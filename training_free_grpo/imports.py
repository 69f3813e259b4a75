"""Find a user's own object by its name on the command line."""

import importlib
import operator
import sys
from pathlib import Path
from typing import Any

from training_free_grpo.errors import UserError


class ImportNameError(UserError, ValueError):
    """A `module:attr` name cannot be resolved; the message names the part that is wrong."""


def load_object(name: str, what: str) -> Any:
    """Import `module:attr`, from the current folder too; error messages call it `what`."""
    module_name, _, attribute = name.partition(":")
    if not (module_name and attribute):
        raise ImportNameError(f"{what} {name!r} is not of the form module:attr")
    module = _import_module(module_name, f"{what} {name!r}")
    try:
        return operator.attrgetter(attribute)(module)
    except AttributeError:
        known = ", ".join(n for n in vars(module) if not n.startswith("_"))
        raise ImportNameError(
            f"{what} {name!r}: {module_name} has no {attribute!r}, only {known or 'nothing'}"
        ) from None


def _import_module(module_name: str, named: str) -> Any:
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(module_name)
    except Exception as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name
        if absent and f"{module_name}.".startswith(f"{absent}."):
            raise ImportNameError(
                f"{named}: there is no module {module_name!r} in {folder} or on the path; "
                "start from the folder that holds it, or install it"
            ) from error
        raise ImportNameError(
            f"{named}: importing {module_name!r} failed: {type(error).__name__}: {error}"
        ) from error
