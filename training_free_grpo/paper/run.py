"""Carry a table out: learn what is to be learned, then measure, one after the other."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from training_free_grpo.paper.plan import PaperPlan
from training_free_grpo.paper.spending import rest_of
from training_free_grpo.paper.work import Hear, Work
from training_free_grpo.spending.budget import Budget

Watch = Callable[[Work], AbstractContextManager[Hear]]
"""Opened around a piece of work; hears how it goes on."""


async def carry_out(plan: PaperPlan, budget: Budget, watch: Watch) -> None:
    """Do what the folder does not hold yet, once all that it takes is there."""
    for work in {work.settings: work for work in plan.left()}.values():
        await work.run.check()
    for work in plan.work():
        if not work.finished:
            rest = await rest_of(budget, plan, work)
            with watch(work) as hear:
                await work.make(rest, hear)
