"""A progress bar for scripts and notebooks, with tokens and dollars, drawn by tqdm."""

import warnings
from types import TracebackType
from typing import Any, Self

from training_free_grpo.ledger import add_ledgers, total_usage
from training_free_grpo.prices import Prices, bill, show_cost
from training_free_grpo.records import Event, Ledger
from training_free_grpo.runs.evaluation import EvaluationRun
from training_free_grpo.runs.training import TrainingRun


class Bar:
    """Counts rollouts, groups and usage from the events of a run."""

    def __init__(self, title: str, total: int, done: int, usage: Ledger, prices: Prices) -> None:
        self._bar = make_bar(title, total, done)
        self._prices = prices
        self._usage = usage

    @classmethod
    def for_training(cls, run: TrainingRun) -> Self:
        """Return the bar of a training run, including earlier progress."""
        each = [run.attempter.count(p["id"], run.settings) + 1 for p in run.problems]
        usage: Ledger = {}
        for step in run.folder.metrics:
            usage = add_ledgers(usage, step["usage"])
        done = sum(step["problems"] + step["rollouts"] for step in run.folder.metrics)
        return cls("training", run.settings.epochs * sum(each), done, usage, run.prices)

    @classmethod
    def for_evaluation(cls, run: EvaluationRun) -> Self:
        """Return the bar of an evaluation."""
        return cls("evaluation", run.expected, 0, {}, run.prices)

    def begin(self, title: str) -> None:
        """Show the current activity."""
        self._bar.set_description(title)

    def hear(self, event: Event) -> None:
        """Count an event."""
        if event["event"] == "batch":
            self.begin(f"step {event['step']}")
        if event["event"] in ("rollout", "group"):
            self._bar.update()
        if "usage" in event:
            self._usage = add_ledgers(self._usage, event["usage"])
        total = total_usage(self._usage)
        tokens, cost = total["input"] + total["output"], bill(self._usage, self._prices)
        self._bar.set_postfix_str(f"{tokens:,} tokens, {show_cost(cost)}", refresh=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._bar.close()


def make_bar(title: str, total: int, done: int) -> Any:
    """Return a bar for a terminal or a notebook."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a notebook without ipywidgets: it shows text
        from tqdm.auto import tqdm

        return tqdm(desc=title, total=total, initial=done, unit="")
