"""Carry out the work of a table: learn the libraries, then evaluate, one after the other."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from training_free_grpo.paper.plan import PaperPlan
from training_free_grpo.paper.spending import rest_of
from training_free_grpo.paper.work import Hear, Work
from training_free_grpo.spending.budget import Budget

Watch = Callable[[Work], AbstractContextManager[Hear]]
"""A context manager around a piece of work, which receives its progress."""


async def carry_out(plan: PaperPlan, budget: Budget, watch: Watch) -> None:
    """Do the unfinished work of a folder, after checking that everything it needs is available."""
    for work in {work.settings: work for work in plan.left()}.values():
        await work.run.check()
    for work in plan.work():
        if not work.finished:
            rest = await rest_of(budget, plan, work)
            with watch(work) as hear:
                await work.make(rest, hear)
