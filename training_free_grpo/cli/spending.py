"""What a command will take, said before it is begun, and the budget that it must keep to."""

from collections.abc import Sequence

from training_free_grpo.cli.output import print_json, progress, results
from training_free_grpo.ledger import add_ledgers
from training_free_grpo.prices import Prices
from training_free_grpo.records import Ledger, Metrics
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.spending.budget import Budget, OutOfBudget
from training_free_grpo.spending.forecast import Forecast, describe_forecast

GOES_ON = "goes on, and pays nothing twice"


def show_forecast(forecast: Forecast, as_json: bool) -> None:
    """Print a forecast as the result of a command that does nothing else."""
    if as_json:
        print_json({"forecast": forecast})
    else:
        results.print(describe_forecast(forecast))


def announce(
    forecast: Forecast, budget: Budget, prices: Prices, done: Sequence[Metrics] = ()
) -> None:
    """Say what is still to come, and whether the budget will end it before."""
    if not forecast["calls"]:
        return
    progress.print(describe_forecast(forecast))
    usage: Ledger = forecast["roles"]
    for step in done:
        usage = add_ledgers(usage, step["usage"])
    if over := ", ".join(budget.exceeded(usage, prices, forecast["minutes"])):
        progress.print(f"note: the forecast exceeds the budget ({over}): it may end before")


def explain_stop(error: OutOfBudget, folder: RunFolder, done: Sequence[Metrics]) -> OutOfBudget:
    """Say what a run holds that its budget has ended, and how it goes on."""
    kept = "no step is finished yet"
    if done:
        lessons, step = done[-1]["library_size"], done[-1]["step"]
        kept = f"{lessons} lessons after step {step} are in {folder.path / 'library.json'}"
    return OutOfBudget(f"{error}; {kept}. The same command with a larger budget {GOES_ON}")
