"""Find a user's own object by its name on the command line."""

import importlib
import sys
from pathlib import Path
from typing import Any


class ImportNameError(ValueError):
    """A `module:attr` name leads nowhere; the message names the part that is wrong."""


def load_object(name: str, what: str) -> Any:
    """Import `module:attr`, from the current folder too; `what` names it in error messages."""
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise ImportNameError(
            f"{what} {name!r} is not of the form module:attr, as in my_agent:agent"
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ImportNameError(
            f"{what} {name!r}: there is no module {error.name!r}; name a module in the current "
            "folder, or one that is installed"
        ) from error
    except Exception as error:
        raise ImportNameError(
            f"{what} {name!r}: importing {module_name!r} failed: {type(error).__name__}: {error}"
        ) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            known = ", ".join(n for n in dir(found) if not n.startswith("_"))
            raise ImportNameError(
                f"{what} {name!r}: no {part!r} there; it has {known or 'nothing'}"
            )
        found = getattr(found, part)
    return found
