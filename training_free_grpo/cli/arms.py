"""The arms of an evaluation: what tells learning from more text and from more tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from training_free_grpo.cli.options import find_place
from training_free_grpo.library import load_library
from training_free_grpo.library.placebo import describe_placebo, make_placebo
from training_free_grpo.metrics import compare_evaluations, compare_majority
from training_free_grpo.records import Comparison, Evaluation
from training_free_grpo.runs.evaluation import Arm, ArmAfter
from training_free_grpo.runs.lineage import training_of
from training_free_grpo.settings import Settings, SettingsError
from training_free_grpo.spending.equal_cost import Spending, attempts_for

BASELINE, LIBRARY = "without library", "with library"
PLACEBO, EQUAL_COST = "placebo library", "equal cost"


@dataclass
class Arms:
    """Arms in their order, and how those came about whose making is not plain."""

    arms: list[Arm | ArmAfter]
    notes: dict[str, str] = field(default_factory=dict)
    """By arm, in words."""


def plan_arms(
    settings: Settings,
    library: Path | None,
    runs_dir: Path,
    *,
    baseline: bool,
    placebo: Path | None,
    equal_cost: bool,
) -> Arms:
    """Arms the arms that the flags ask for; equal cost begins with the attempts of the baseline."""
    if library is None:
        asked = {"--baseline": baseline, "--placebo": placebo, "--equal-cost": equal_cost}
        if surplus := [flag for flag, value in asked.items() if value]:
            raise SettingsError(
                f"{surplus[0]} compares with a library: name one with --library FILE or RUN"
            )
        return Arms([Arm(BASELINE, settings)])
    lessons = load_library(find_place(library, runs_dir))
    plan = Arms([Arm(BASELINE, settings)] if baseline or equal_cost else [])
    plan.arms.append(Arm(LIBRARY, settings, lessons))
    if placebo:
        other = make_placebo(load_library(find_place(placebo, runs_dir)), lessons)
        plan.notes[PLACEBO] = describe_placebo(other, lessons)
        plan.arms.append(Arm(PLACEBO, settings, other))
    if equal_cost:
        training = list(training_of(find_place(library, runs_dir)))
        plan.arms.append(plan_equal_cost(settings, training, plan.notes))
    return plan


def plan_equal_cost(
    settings: Settings, training: Sequence[Spending], notes: dict[str, str]
) -> ArmAfter:
    """Arms the arm that spends on attempts what the library arm spent; note how many these are."""

    def make(found: Mapping[str, Evaluation]) -> Arm | None:
        bought = attempts_for(found[LIBRARY], training, found[BASELINE])
        if bought is None:
            notes[EQUAL_COST] = "left out: the model tells no tokens, so an attempt has no cost"
            return None
        notes[EQUAL_COST] = bought.reason
        return Arm(EQUAL_COST, settings.model_copy(update={"attempts": bought.attempts}))

    return make


def compare_arms(found: Mapping[str, Evaluation]) -> dict[str, Comparison]:
    """Return by how much the library is better than every other arm.

    At equal cost there is one answer to a problem, the majority's, as a user would take it.
    """
    if LIBRARY not in found:
        return {}
    others = ((name, arm) for name, arm in found.items() if name != LIBRARY)
    return {
        name: (compare_majority if name == EQUAL_COST else compare_evaluations)(arm, found[LIBRARY])
        for name, arm in others
    }
