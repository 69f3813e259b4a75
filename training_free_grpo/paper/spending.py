"""One budget for all work in a folder."""

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
    """Return what the other work in the folder leaves of the budget.

    Earlier sessions of the piece itself are counted by its own budget.
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
    """Return the rest of a limit; None means no limit."""
    return None if limit is None else max(limit - used, 0)
