"""The data sets of a published table, and their replacements."""

from collections.abc import Sequence
from difflib import get_close_matches

from training_free_grpo.cli.session import print_notes
from training_free_grpo.datasets import NAMED, DatasetError, load_problems
from training_free_grpo.paper.tables import TABLES, Table
from training_free_grpo.paper.work import DataSet
from training_free_grpo.settings import SettingsError


def find_table(name: str) -> Table:
    """Return a table by its name."""
    if name not in TABLES:
        near = get_close_matches(name.lower(), TABLES, n=1)
        meant = f", did you mean {near[0]!r}?" if near else ""
        raise SettingsError(f"there is no table {name!r}{meant}; there are: {', '.join(TABLES)}")
    return TABLES[name]


def read_evaluation_sets(table: Table, limit: int | None) -> dict[str, DataSet]:
    """Load the data sets the table's methods are evaluated on, by name."""
    names = dict.fromkeys(column.dataset for column in table.columns)
    return {name: read_set(name, limit) for name in names}


def read_training_sets(
    table: Table, pairs: Sequence[str], sample: int | None, limit: int | None
) -> dict[str, DataSet]:
    """Load the data sets the table's libraries are learned from, by published name."""
    given = [read_replacement(table, pair) for pair in pairs]
    sources = {column.domain.training_set: None for column in table.columns} | dict(given)
    if len(dict(given)) < len(given):
        raise SettingsError(f"--train-on names two data sets for one: {', '.join(pairs)}")
    if sample and not pairs:
        raise SettingsError("--sample needs --train-on: name the data set to sample from")
    found = {}
    for name, source in sources.items():
        if source:
            # A file is graded like the set it replaces, a named set by its own grader.
            grader = NAMED[source if source in NAMED else name].grader
            found[name] = read_set(source, limit, sample, grader)
            continue
        try:
            found[name] = read_set(name, limit)
        except DatasetError as error:
            remedy = "or learn from other problems with --train-on DATASET"
            raise DatasetError(f"{error}; {remedy}") from None
    return found


def read_replacement(table: Table, pair: str) -> tuple[str, str]:
    """Read SET=DATASET, or DATASET alone for a table that learns from one set."""
    names = list(dict.fromkeys(column.domain.training_set for column in table.columns))
    name, equals, source = pair.partition("=")
    if equals and name in names:
        return name, source
    if len(names) > 1:
        raise SettingsError(
            f"{table.name} learns from {' and '.join(names)}: say which of them --train-on {pair} "
            f"stands for, as in --train-on {names[0]}={pair}"
        )
    return names[0], pair


def read_set(
    name: str, limit: int | None, sample: int | None = None, grader: str | None = None
) -> DataSet:
    """Load a data set, with the grader that goes with it."""
    problems, notes = load_problems(name, limit, sample=sample, needs_truth=True)
    print_notes(notes)
    return DataSet(name, problems, grader or NAMED[name].grader)
