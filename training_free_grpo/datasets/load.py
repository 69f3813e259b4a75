"""Problems from a name, a file or the hub."""

import os
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from training_free_grpo.datasets.errors import DatasetError
from training_free_grpo.datasets.files import load_file
from training_free_grpo.datasets.hub import load_hub
from training_free_grpo.datasets.named import NAMED, NamedSet
from training_free_grpo.datasets.problems import read_problems
from training_free_grpo.datasets.rows import NO_MAPPING
from training_free_grpo.datasets.sample import draw_sample, draw_strata
from training_free_grpo.records import Problem

FOLDER = "TFGRPO_DATA"
"""The environment variable that names a folder of local copies of the named sets."""
Read = Callable[[Iterable[Any]], tuple[list[Problem], list[str]]]
"""Makes rows problems, with notes on them."""


def load_problems(
    source: str,
    limit: int | None = None,
    *,
    sample: int | None = None,
    mapping: Mapping[str, str] = NO_MAPPING,
    needs_truth: bool = False,
) -> tuple[list[Problem], list[str]]:
    """Load a data set by name, from a file, or from `hf:owner/name:split`; return it with notes.

    `sample` draws distinct problems, `limit` takes the first ones. Raise DatasetError that names
    the file, the rows, the field and the remedy.
    """
    path = find_file(source)
    named = NAMED.get(source) or NamedSet(source.removeprefix("hf:"))
    if path:
        rows = load_file(path)
        read = partial(
            read_problems,
            source=str(path),
            mapping=mapping,
            needs_truth=needs_truth,
            refuse_contradictions=source not in NAMED,
        )
    else:
        rows = load_published(source, named)
        read = partial(
            read_problems,
            source=source,
            mapping={**named.mapping, **mapping},
            clean=named.clean,
            needs_truth=needs_truth,
            strict=False,  # nobody can mend what others publish
        )
    problems, notes = draw_named(source, named, rows, read)
    return draw_sample(problems, sample, source)[:limit], notes


def draw_named(
    source: str, named: NamedSet, rows: Iterable[Any], read: Read
) -> tuple[list[Problem], list[str]]:
    """Read the rows and draw what a name stands for, with a note of how that was done."""
    if named.strata:
        held = list(rows)
        problems, notes = read(held)
        drawn = draw_strata(held, named.strata, lambda some: read(some)[0], source)
    else:
        problems, notes = read(rows)
        drawn = draw_sample(problems, named.sample, source)
    if len(drawn) < len(problems):
        each = "".join(f", {count} {level}" for level, count in named.strata.items())
        what = f"{len(drawn)} of {len(problems):,} problems{each}"
        notes = [*notes, f"{source}: {what}: those whose salted ids hash lowest"]
    return drawn, notes


def find_file(source: str) -> Path | None:
    """Return the file that holds a data set, a named one's local copy; None for one on the hub."""
    if source in NAMED:
        folder = os.environ.get(FOLDER)
        copy = Path(folder, NAMED[source].file) if folder else None
        return copy if copy and copy.exists() else None
    if source.startswith("hf:"):
        return None
    path = Path(source)
    if not path.suffix and path.name == source and not path.exists():
        near = get_close_matches(source.lower(), NAMED, n=1)
        meant = f", did you mean {near[0]!r}?" if near else ""
        raise DatasetError(
            f"there is no data set or file {source!r}{meant}; name a file, "
            f"hf:owner/name:split, or one of: {', '.join(NAMED)}"
        )
    return path


def load_published(source: str, published: NamedSet) -> Iterable[Any]:
    """Return the rows of a data set on the hub; for a named one, an error tells the other way."""
    try:
        return load_hub(published.hub)
    except DatasetError as error:
        if source not in NAMED:
            raise
        remedy = f"or put {published.file} into the folder that {FOLDER} names"
        raise DatasetError(f"{source}: {error}; {remedy}") from error
