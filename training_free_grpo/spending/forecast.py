"""Forecast the calls, tokens, dollars and minutes of a run or an evaluation.

Without a run so far the figures rest on the assumptions below, which `describe_forecast` names;
once a step is done, on what that step took.
"""

from collections.abc import Iterable, Sequence
from typing import TypedDict

from training_free_grpo.learning.batches import count_steps
from training_free_grpo.ledger import add_ledgers, no_usage, total_usage
from training_free_grpo.library import active_experiences, render_library
from training_free_grpo.metrics.figures import mean
from training_free_grpo.models import Models
from training_free_grpo.models.prices import prices_of
from training_free_grpo.prices import bill, dollars
from training_free_grpo.prompts import read_prompt
from training_free_grpo.records import Ledger, Library, Metrics, Problem, Usage
from training_free_grpo.rollouts.attempter import Attempter, attempter_for
from training_free_grpo.rollouts.react import ReactAgent
from training_free_grpo.settings import Settings

CALLS = 4
"""Model calls of a rollout with tools; without tools, one. The paper's 1,500 rollouts on
competition problems took 25,000 tokens of input each, which are about that many of its prompts."""
OUTPUT = 4_000
"""Output tokens of a rollout: the paper's took 4,400 each, reflection included."""
TOOL_RESULT = 500
"""Tokens of a tool result: the output of a program, or a few search results."""
TOOL_SCHEMA = 250
"""Tokens that the description of a tool adds to every prompt: ours have 150 to 400."""
CONTRAST = 0.5
"""Share of the groups whose rewards differ: the easier the problems, the fewer."""
GROWTH = 0.3
"""Lessons that a group with contrast leaves in the library: the paper's runs end with some 40."""
LESSON = 35
"""Tokens of a lesson: its id, and the 25 words that the paper's have on average."""
SUMMARY = 350
"""Tokens of a summary, whose limit is 250 words."""
OPERATION = 120
"""Tokens of an operation: the lesson and its rationale."""
REASONING = 300
"""Reasoning tokens of a comparison, a plan or a verdict."""
SECONDS = 20.0
"""One model call: 1,000 tokens at 50 a second."""

ASSUMED = (
    f"assumed: {CALLS} calls a rollout with tools and 1 without, {OUTPUT:,} tokens of output each, "
    f"{TOOL_RESULT} a tool result, contrast in {CONTRAST:.0%} of the groups, {SECONDS:g} s a call, "
    "and no discount for cached input until the endpoint reports it"
)

_CHARACTERS_PER_TOKEN = 4
_READERS = ("rollout", "extract_advantage", "edit_experiences")
"""The roles whose prompts contain the library."""


class _Total(TypedDict):
    calls: int
    input: int
    cached: int
    """Of the input, as far as the endpoint has reported it: some cache nothing."""
    output: int


class Forecast(_Total):
    """The remaining work."""

    rollouts: int
    cost: float | None
    """Dollars; None if a price is not known."""
    minutes: float
    roles: Ledger
    basis: str
    """What the figures are based on."""


def forecast_training(
    settings: Settings,
    problems: Sequence[Problem],
    judged: bool,
    done: Sequence[Metrics] = (),
    *,
    library: Library | None = None,
    attempter: Attempter | None = None,
) -> Forecast:
    """Forecast the rest of a training run after the finished steps.

    `judged` tells whether a model grades the attempts, `library` what the run started from,
    `attempter` who makes the attempts, if that is not the ReAct agent.
    """
    attempter = attempter_for(settings, attempter or ReactAgent())
    steps = count_steps(len(problems), settings) - len(done)
    visits = settings.epochs * len(problems) - sum(step["problems"] for step in done)
    size = mean(attempter.count(problem["id"], settings) for problem in problems) or 0.0
    rollouts = round(visits * size)
    lessons = len(active_experiences(library)) if library else 0
    if done:
        ledger, seconds = go_on_as(done, visits, steps, lessons), seconds_per_call(done)
        basis = f"as measured in {len(done)} step{'s' if len(done) > 1 else ''}"
    else:
        compared = visits * share_compared(settings)
        shown = lessons_shown(settings, lessons + compared * GROWTH / 2) * LESSON
        ledger = assume_rollouts(settings, problems, rollouts, judged, shown)
        ledger |= assume_reflection(settings, problems, compared, size, steps, shown)
        seconds, basis = SECONDS, ASSUMED
    minutes = minutes_of(settings, ledger, rollouts, steps, seconds)
    return make_forecast(settings, ledger, rollouts, minutes, basis, attempter)


def forecast_evaluation(
    settings: Settings,
    problems: Sequence[Problem],
    judged: bool,
    library: Library | None = None,
    lessons: int | None = None,
    *,
    attempter: Attempter | None = None,
) -> Forecast:
    """Forecast an evaluation with a library, or with a number of lessons yet to be learned."""
    shown = lessons_shown(settings, lessons or 0) * LESSON
    if library and (known := len(active_experiences(library))):
        shown = count_tokens(render_library(library)) * lessons_shown(settings, known) / known
    rollouts = len(problems) * settings.attempts
    ledger = assume_rollouts(settings, problems, rollouts, judged, shown)
    minutes = minutes_of(settings, ledger, rollouts, 0, SECONDS)
    agent = attempter or ReactAgent()
    return make_forecast(settings, ledger, rollouts, minutes, ASSUMED, agent)


def add_forecasts(forecasts: Iterable[Forecast]) -> Forecast:
    """Add up forecasts of consecutive work."""
    found = list(forecasts)
    ledger: Ledger = {}
    for each in found:
        ledger = add_ledgers(ledger, each["roles"])
    costs = [each["cost"] for each in found]
    return {
        "rollouts": sum(each["rollouts"] for each in found),
        **_total(ledger),
        "cost": None if None in costs else sum(c for c in costs if c is not None),
        "minutes": sum(each["minutes"] for each in found),
        "roles": ledger,
        "basis": "; ".join(dict.fromkeys(each["basis"] for each in found)),
    }


def describe_forecast(forecast: Forecast) -> str:
    """Write a forecast in one line, and its basis in another."""
    cost, minutes = forecast["cost"], forecast["minutes"]
    time = f"{minutes / 60:,.1f} hours" if minutes >= 120 else f"{max(minutes, 1):,.0f} min"
    cached = f" ({forecast['cached']:,} cached)" if forecast["cached"] else ""
    return (
        f"forecast: {forecast['rollouts']:,} rollouts, {forecast['calls']:,} calls, "
        f"{forecast['input']:,}{cached} + {forecast['output']:,} tokens, "
        f"{'cost unknown' if cost is None else dollars(cost)}, {time}\n  {forecast['basis']}"
    )


def assume_rollouts(
    settings: Settings, problems: Sequence[Problem], rollouts: int, judged: bool, lessons: float
) -> Ledger:
    """Return the usage of rollouts with that many tokens of lessons, and of their judge."""
    if not rollouts:
        return {}
    tools = 0 if settings.tools == "none" else len(settings.tools.split(","))
    calls = min(CALLS, settings.max_turns + 1) if tools else 1
    prefix = _prompt("agent", *["tools"] * bool(tools)) + tools * TOOL_SCHEMA + lessons
    question = mean_length(problems)
    turn = OUTPUT / calls + TOOL_RESULT  # each call reads all earlier turns
    prompts = [prefix + question + turn * n for n in range(calls)]
    found: Ledger = {"rollout": _usage(rollouts, calls, sum(prompts), OUTPUT)}
    if judged:
        found |= assume_judge(problems, rollouts, OUTPUT / calls)
    return found


def assume_judge(problems: Sequence[Problem], attempts: int, answer: float) -> Ledger:
    """Return the usage of judging that many answers of that length."""
    read = _prompt("judge") + mean_length(problems) + answer
    return {"judge": _usage(attempts, 1, read, REASONING)}


def assume_reflection(
    settings: Settings,
    problems: Sequence[Problem],
    compared: float,
    size: float,
    steps: int,
    lessons: float,
    transcript: float = OUTPUT + CALLS * TOOL_RESULT,
) -> Ledger:
    """Return the usage of learning from that many groups of `size` attempts.

    `lessons` and `transcript` are tokens: of the library that is shown, and of an attempt.
    """
    question = mean_length(problems)
    found: Ledger = {}
    if size:
        read = _prompt("summarize") + question + min(transcript, settings.trajectory_tokens)
        found["summarize"] = _usage(compared * size, 1, read, SUMMARY)
    prompt = _prompt("extract_advantage" if size else "generate_lessons") + lessons
    read = prompt + question + size * SUMMARY
    found["extract_advantage"] = _usage(compared, 1, read, REASONING + OPERATION)
    proposals = compared / steps * OPERATION if steps else 0
    read = _prompt("edit_experiences") + lessons + proposals
    found["edit_experiences"] = _usage(steps, 1, read, REASONING + proposals)
    return found


def go_on_as(done: Sequence[Metrics], visits: int, steps: int, lessons: int) -> Ledger:
    """Extrapolate the finished steps, with a library that keeps growing."""
    share = visits / sum(step["problems"] for step in done)
    longer = growth_of_library(done, steps, lessons) * LESSON * share
    left: Ledger = {}
    for step in done:
        left = add_ledgers(left, step["usage"])
    for role, usage in left.items():
        more = usage["calls"] * longer if role in _READERS else 0
        left[role] = no_usage() | {
            "calls": round(usage["calls"] * share),
            "input": round(usage["input"] * share + more),
            "cached": round(usage["cached"] * share + (more if usage["cached"] else 0)),
            "output": round(usage["output"] * share),
        }
    return left


def growth_of_library(done: Sequence[Metrics], steps: int, lessons: int) -> float:
    """Return how many more lessons the remaining steps will show than the finished ones.

    New lessons become rarer: the n-th step is taken to add an n-th of what was learned so far.
    """
    shown = [lessons, *(step["library_size"] for step in done)]
    learned, size = shown[-1] - lessons, float(shown.pop())
    coming = []
    for n in range(len(done) + 1, len(done) + steps + 1):
        coming.append(size)
        size += learned / n
    return sum(coming) / len(coming) - sum(shown) / len(shown) if coming else 0.0


def seconds_per_call(done: Sequence[Metrics]) -> float:
    """Return the mean time from one call of a rollout to the next."""
    calls = sum(step["usage"].get("rollout", no_usage())["calls"] for step in done)
    seconds = sum(step["seconds"] * step["rollouts"] for step in done)
    return seconds / calls if calls else SECONDS


def minutes_of(
    settings: Settings, ledger: Ledger, rollouts: int, steps: int, seconds: float
) -> float:
    """Return the duration with `concurrency` calls in flight at once.

    A step ends with three calls that wait for one another: summary, comparison, edit.
    """
    calls, tail = _total(ledger)["calls"], 3 if steps else 0
    first = ledger.get("rollout", no_usage())["calls"] / max(rollouts, 1)
    rounds = max(calls / settings.concurrency / max(steps, 1), first) + tail
    return round(max(steps, 1) * rounds * seconds / 60, 1) if calls else 0.0


def share_compared(settings: Settings) -> float:
    """Return the share of the groups that are reflected on."""
    every = settings.group_size == 1 or settings.ground_truth == "withheld"
    return 1.0 if every or settings.directly_generated else CONTRAST


def make_forecast(
    settings: Settings,
    ledger: Ledger,
    rollouts: int,
    minutes: float,
    basis: str,
    attempter: Attempter,
) -> Forecast:
    """Add the price to a forecast."""
    cost = bill(ledger, prices_of(Models(), settings, attempter.prices(settings)))["cost"]
    return {
        "rollouts": rollouts,
        **_total(ledger),
        "cost": None if cost == "unknown" else cost,
        "minutes": minutes,
        "roles": ledger,
        "basis": basis,
    }


def _total(ledger: Ledger) -> _Total:
    total = total_usage(ledger)
    return {
        "calls": total["calls"],
        "input": total["input"],
        "cached": total["cached"],
        "output": total["output"],
    }


def _usage(times: float, calls: float, input: float, output: float) -> Usage:
    return no_usage() | {
        "calls": round(times * calls),
        "input": round(times * input),
        "output": round(times * output),
    }


def lessons_shown(settings: Settings, lessons: float) -> float:
    """Return how many lessons a rollout is shown."""
    return min(lessons, settings.top_k or lessons)


def _prompt(*names: str) -> float:
    return sum(count_tokens(read_prompt(name)) for name in names)


def mean_length(problems: Sequence[Problem]) -> float:
    """Estimate the tokens of a problem."""
    return sum(count_tokens(problem["problem"]) for problem in problems) / max(len(problems), 1)


def count_tokens(text: str) -> float:
    """Estimate the tokens of a text, for any model."""
    return len(text) / _CHARACTERS_PER_TOKEN
