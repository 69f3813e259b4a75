"""A budget for all that a folder holds: what each piece of work may take of it."""

from typing import TypeVar

from training_free_grpo.ledger import add_ledgers, total_usage
from training_free_grpo.paper.plan import PaperPlan
from training_free_grpo.paper.work import Work
from training_free_grpo.prices import bill
from training_free_grpo.records import Ledger
from training_free_grpo.spending.budget import Budget
from training_free_grpo.storage.journal import Journal

Amount = TypeVar("Amount", int, float)


async def rest_of(budget: Budget, plan: PaperPlan, work: Work) -> Budget:
    """Return what the other work in the folder has left of the budget.

    What the piece itself has taken in earlier sessions is counted where the budget is kept.
    """
    spent: Ledger = {}
    seconds = 0.0
    for file in plan.folder.glob("*/*/calls.sqlite"):
        if file.parent != work.folder:
            with Journal.open(file) as journal:
                for role, usage in await journal.spent():
                    spent = add_ledgers(spent, {role: usage})
                seconds += sum([note["seconds"] for note in await journal.notes("session")])
    total = total_usage(spent)
    cost = bill(spent, work.run.prices)["cost"]
    return Budget(
        cost=left(budget.cost, float("inf") if cost == "unknown" else cost),
        tokens=left(budget.tokens, total["input"] + total["output"]),
        calls=left(budget.calls, total["calls"]),
        minutes=left(budget.minutes, seconds / 60),
    )


def left(limit: Amount | None, used: Amount) -> Amount | None:
    """Return what is left of a limit; None is no limit."""
    return None if limit is None else max(limit - used, 0)
