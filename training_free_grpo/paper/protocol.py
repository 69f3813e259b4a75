"""Differences from the published protocol, in words."""

from collections.abc import Iterator

from training_free_grpo.paper.plan import PaperPlan
from training_free_grpo.settings import Settings

_NO_PROTOCOL = ("base_url", "price", "concurrency")
"""Suffixes of settings that change no answer."""


def differences(plan: PaperPlan, limit: int | None) -> Iterator[str]:
    """Write a line for each difference from the published protocol."""
    table = plan.table
    models = sorted({row.model for row in table.published})
    yield f"model: {plan.options['model']}; published: {', '.join(models)}"
    if limit is not None:
        yield (
            f"only the first {limit:,} problems of every data set were used: "
            "these figures cannot be compared with the published ones"
        )
    for name, data in plan.training_sets.items():
        if data.name != name:
            yield f"learned from {data.name}, {len(data.problems):,} problems, in place of {name}"
        else:
            yield (
                f"the problems of {name} are our own sample: "
                "the paper does not say which problems it used"
            )
    for name, attempts in {column.dataset: column.attempts for column in table.columns}.items():
        if plan.attempts not in (None, attempts):
            yield f"{name}: {plan.attempts} attempts at each problem; published: {attempts}"
    yield from changed_settings(plan)
    yield from table.notes


def changed_settings(plan: PaperPlan) -> Iterator[str]:
    """List the settings whose values differ from the protocol's."""
    here = Settings.read(dict(plan.options))
    for domain in {column.domain.name: column.domain for column in plan.table.columns}.values():
        there = Settings.read({**domain.settings})
        for name in sorted(plan.options.keys() - {"model"}):
            now, before = getattr(here, name), getattr(there, name)
            if now != before and not name.endswith(_NO_PROTOCOL):
                instead = "" if before is None else f" in place of {before}"
                yield f"{domain.name}, setting {name}: {now}{instead}"
