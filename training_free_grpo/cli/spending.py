"""The forecast of a command, printed before it starts, and its budget."""

from collections.abc import Sequence

from training_free_grpo.cli.output import print_json, progress, results
from training_free_grpo.ledger import add_ledgers
from training_free_grpo.prices import Prices
from training_free_grpo.records import Ledger, Metrics
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.spending.budget import Budget, OutOfBudget
from training_free_grpo.spending.forecast import Forecast, describe_forecast

RESUMES = "resumes without paying for anything twice"


def show_forecast(forecast: Forecast, as_json: bool) -> None:
    """Print the forecast as the result of a dry run."""
    if as_json:
        print_json({"forecast": forecast})
    else:
        results.print(describe_forecast(forecast))


def announce(
    forecast: Forecast, budget: Budget, prices: Prices, done: Sequence[Metrics] = ()
) -> None:
    """Print the forecast, and whether it exceeds the budget."""
    if not forecast["calls"]:
        return
    progress.print(describe_forecast(forecast))
    usage: Ledger = forecast["roles"]
    for step in done:
        usage = add_ledgers(usage, step["usage"])
    if over := ", ".join(budget.exceeded(usage, prices, forecast["minutes"])):
        progress.print(f"note: the forecast exceeds the budget ({over}): the run may stop early")


def explain_stop(error: OutOfBudget, folder: RunFolder, done: Sequence[Metrics]) -> OutOfBudget:
    """Say what a run has saved when its budget is used up, and how to resume it."""
    kept = "no step is finished yet"
    if done:
        lessons, step = done[-1]["library_size"], done[-1]["step"]
        kept = f"{lessons} lessons after step {step} are in {folder.path / 'library.json'}"
    return OutOfBudget(f"{error}; {kept}. Rerunning the command with a larger budget {RESUMES}")
