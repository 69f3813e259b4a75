"""Problems that were learned from and are measured on: a gain on them proves nothing."""

import unicodedata
from collections.abc import Collection, Iterable, Sequence

from training_free_grpo.arguments import argument
from training_free_grpo.datasets.errors import DatasetError, enumerate_few
from training_free_grpo.records import Problem


class OverlapError(DatasetError):
    """Problems to evaluate on were trained on; the message is `found` and the remedy."""

    def __init__(self, found: str, otherwise: str = "") -> None:
        allow = argument("allow_overlap=True", "--allow-overlap")
        super().__init__(f"{found}. Take other problems, or give {allow}{otherwise}")
        self.found = found


def find_overlap(training: Iterable[str], evaluation: Sequence[Problem]) -> list[Problem]:
    """Return the problems whose text was trained on, whatever its case, spacing and glyphs."""
    seen = {normalize(text) for text in training}
    return [problem for problem in evaluation if normalize(problem["problem"]) in seen]


def check_overlap(
    training: Iterable[str],
    evaluation: Sequence[Problem],
    run: str,
    ids: Collection[str] = (),
) -> None:
    """Raise OverlapError if problems to evaluate on were trained on in the run.

    `ids` are of problems whose text is not known: the same ids are taken for the same problems.
    """
    if shared := find_overlap(training, evaluation):
        raise OverlapError(
            f"{len(shared):,} of {len(evaluation):,} problems were trained on in {run} "
            f"(ids {enumerate_few([p['id'] for p in shared])}): a gain on them proves nothing"
        )
    if named := [problem for problem in evaluation if problem["id"] in ids]:
        raise OverlapError(
            f"{len(named):,} of {len(evaluation):,} problems have ids of problems that lessons in "
            f"{run} were learned from (ids {enumerate_few([p['id'] for p in named])})",
            " if these are others under the same ids",
        )


def normalize(text: str) -> str:
    """Write a text as it would be were it typed again: case, white space and glyphs made one."""
    return " ".join(unicodedata.normalize("NFKC", text).split()).casefold()
