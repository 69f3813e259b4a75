"""Progress output: a live display on a terminal, occasional lines elsewhere.

Events are only counted as they come. The display is drawn from the counts four times a second,
however many events there are.
"""

import time
from collections.abc import Callable, Sequence
from threading import Event as Signal
from threading import Thread
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from training_free_grpo.cli.output import percent
from training_free_grpo.cli.tally import Tally
from training_free_grpo.learning.batches import draw
from training_free_grpo.ledger import add_ledgers, total_usage
from training_free_grpo.prices import Prices, add_costs, bill, dollars, show_cost
from training_free_grpo.records import Event, Metrics
from training_free_grpo.runs.files import read_groups, read_rollouts
from training_free_grpo.runs.status import read_status
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.spending.forecast import Forecast

Foresee = Callable[[Sequence[Metrics]], Forecast]
"""Forecasts the rest of a run after the finished steps."""

_SILENCE = 30.0
"""Seconds between progress lines without a display."""
_TICK = 1.0
_BAR = 30
_TELLING = 0.02
"""Share of the work after which its pace can be estimated."""


class Watch:
    """Shows progress: work inside `with watch:`, and pass every event to `watch.hear`."""

    def __init__(
        self, console: Console, prices: Prices, silence: float = _SILENCE, expected: int = 0
    ) -> None:
        self.tally = Tally()
        self._console = console
        self._prices = prices
        self._silence = silence
        self._live: Live | None = None
        self._over = Signal()
        self._all = expected
        """Total rollouts and groups, if there are several evaluations."""
        self._before = 0
        """Rollouts and groups of the finished evaluations."""

    def __enter__(self) -> Self:
        self._started = self._spoke = time.monotonic()
        self._share_at_start = self.share
        if self._console.is_interactive and not self._console.quiet:
            self._live = Live(console=self._console, get_renderable=self._draw, transient=True)
            self._live.start()
        elif not self._console.quiet:
            Thread(target=self._break_silence, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._live:
            self._live.stop()

    def begin(self, title: str, groups: int, rollouts: int) -> None:
        """Start an evaluation; the earlier ones are finished."""
        self._before += self.tally.done
        self.tally.begin(title, groups, rollouts)

    @property
    def share(self) -> float:
        """Return the finished share of the work."""
        expected = max(self._all, self._before + self.tally.expected)
        return (self._before + self.tally.done) / expected if expected else 0.0

    @property
    def cost(self) -> str:
        """Return the cost so far, in words."""
        return show_cost(bill(self.tally.usage, self._prices))

    def hear(self, event: Event) -> None:
        """Count an event."""
        self.tally.hear(event)
        now = time.monotonic()
        if not self._live and now - self._spoke >= self._silence:
            self._speak()

    def _break_silence(self) -> None:
        """Print progress even if no events arrive, as when an endpoint rejects every call."""
        while not self._over.wait(max(self._silence, _TICK)):
            if time.monotonic() - self._spoke >= self._silence:
                self._speak()

    def _speak(self) -> None:
        self._spoke = time.monotonic()
        said = [*self._say_progress(), *self._say_spending(), *self._say_time_left()]
        self._console.print(f"{self.tally.title}: {', '.join(said)}")

    def _say_progress(self) -> list[str]:
        """Describe the progress of the step or the evaluation."""
        tally = self.tally
        said = [
            f"{len(tally.rollouts):,} of {tally.rollouts_expected:,} rollouts",
            *([f"{len(tally.missing):,} missing"] if tally.missing else []),
            *([f"{len(tally.undecided):,} undecided"] if tally.undecided else []),
            f"{len(tally.closed):,} of {tally.groups_expected:,} groups",
            f"{len(tally.contrast):,} with contrast",
            f"reward {percent(tally.mean_reward)} so far",
        ]
        return said

    def _say_spending(self) -> list[str]:
        """Describe the usage so far, and the remaining time."""
        usage = total_usage(self.tally.usage)
        said = [f"{usage['input']:,} + {usage['output']:,} tokens", self.cost]
        return said + ([f"{usage['retries']:,} retries"] if usage["retries"] else [])

    def _say_time_left(self) -> list[str]:
        """Estimate the remaining time at the pace of this process."""
        made = self.share - self._share_at_start
        if made < _TELLING:
            return []
        seconds = (time.monotonic() - self._started) * (1 - self.share) / made
        return [f"about {write_time(seconds)} left"]

    def _draw(self) -> Group:
        head = Table.grid(padding=(0, 2))
        done = ProgressBar(total=1.0, completed=self.share, width=_BAR)
        times = [write_time(time.monotonic() - self._started), *self._say_time_left()]
        head.add_row(Text(self.tally.title, style="bold"), done, ", ".join(times))
        if not self.tally.expected:  # before the first step, and between steps
            return Group(head)
        said = (self._say_progress(), self._say_spending())
        return Group(head, *(write_facts(facts) for facts in said))


class TrainingWatch(Watch):
    """Shows the progress of a training run, including that of earlier processes."""

    def __init__(
        self,
        console: Console,
        training: TrainingRun,
        foresee: Foresee,
        silence: float = _SILENCE,
    ) -> None:
        settings = training.settings
        super().__init__(console, training.prices, silence)
        self._foresee = foresee
        self._training = training
        ids = [problem["id"] for problem in training.problems]
        self._expected = settings.epochs * (len(ids) + self._count_attempts(ids))
        self._steps = training.folder.metrics
        self._cost_expected = self._forecast_cost()
        if training.folder.exists:
            self._take_up(training)

    @property
    def share(self) -> float:
        """Return the finished share of the work, over all steps."""
        before = sum(step["problems"] + step["rollouts"] for step in self._steps)
        return (before + self.tally.done) / self._expected

    @property
    def cost(self) -> str:
        """Return the cost so far, and the expected total."""
        most = f" of about {dollars(self._cost_expected)}" if self._cost_expected else ""
        return super().cost + most

    def hear(self, event: Event) -> None:
        """Count an event, including the start and the end of a step."""
        if event["event"] == "batch":
            title = f"step {event['step']}, epoch {event['epoch']}"
            self.tally.begin(title, len(event["problems"]), event["rollouts"])
        if event["event"] == "step":
            self._finish(event["metrics"])
        super().hear(event)

    def _count_attempts(self, problems: Sequence[str]) -> int:
        """Return the number of attempts of these groups, made or recorded."""
        attempter, settings = self._training.attempter, self._training.settings
        return sum(attempter.count(id, settings) for id in problems)

    def _finish(self, step: Metrics) -> None:
        """Count a step as finished, from its own complete figures."""
        self._steps.append(step)
        self.tally.begin(f"step {step['step']} is finished", 0, 0)
        self.tally.usage = {}
        for finished in self._steps:
            self.tally.usage = add_ledgers(self.tally.usage, finished["usage"])
        self._cost_expected = self._forecast_cost()

    def _forecast_cost(self) -> float | None:
        """Return the expected cost of all steps; None if a price is not known."""
        left = self._foresee(self._steps)["cost"]
        spent = add_costs(step["cost"] for step in self._steps)
        return None if left is None or spent == "unknown" else left + spent

    def _take_up(self, training: TrainingRun) -> None:
        """Count the work of earlier processes."""
        status = read_status(training.folder)
        if now := status["current"]:
            title = f"step {now['step']}, epoch {now['epoch']}"
            ids = [problem["id"] for problem in training.problems]
            _, batch = draw(ids, now["step"], training.settings)
            self.tally.begin(title, len(batch), self._count_attempts(batch))
            path = training.folder.path
            rollouts, groups = read_rollouts(path, now["step"]), read_groups(path, now["step"])
            self.tally.take_up(rollouts, groups.values(), status["usage"])


def write_facts(facts: Sequence[str]) -> Text:
    """Write facts next to each other, wrapped over several lines, never truncated."""
    return Text(" · ".join(facts), style="dim", no_wrap=False, overflow="fold")


def write_time(seconds: float) -> str:
    """Write a duration in words."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
