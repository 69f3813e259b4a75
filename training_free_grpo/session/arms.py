"""The arms of an evaluation.

They show whether a gain comes from the lessons, or merely from a longer prompt or a larger budget.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from training_free_grpo.arguments import argument
from training_free_grpo.library.placebo import describe_placebo, make_placebo
from training_free_grpo.metrics import compare_evaluations, compare_majority
from training_free_grpo.records import Comparison, Evaluation
from training_free_grpo.runs.evaluation import Arm, ArmAfter
from training_free_grpo.runs.lineage import training_of
from training_free_grpo.session.places import FoundLibrary
from training_free_grpo.settings import Settings, SettingsError
from training_free_grpo.spending.equal_cost import Spending, attempts_for

BASELINE, LIBRARY = "without library", "with library"
PLACEBO, EQUAL_COST = "placebo library", "equal cost"


@dataclass
class Arms:
    """Arms in order, with notes on how some were built."""

    arms: list[Arm | ArmAfter]
    notes: dict[str, str] = field(default_factory=dict)
    """By arm."""


def plan_arms(
    settings: Settings,
    library: FoundLibrary | None,
    *,
    baseline: bool,
    placebo: FoundLibrary | None,
    equal_cost: bool,
) -> Arms:
    """Plan the requested arms; equal cost reuses the attempts of the baseline."""
    if library is None:
        asked = {"baseline": baseline, "placebo": placebo, "equal_cost": equal_cost}
        if surplus := [name for name, value in asked.items() if value]:
            flag = f"--{surplus[0].replace('_', '-')}"
            raise SettingsError(
                f"{argument(surplus[0], flag)} compares with a library: name one with "
                f"{argument('library=', '--library FILE or RUN')}"
            )
        return Arms([Arm(BASELINE, settings)])
    lessons = library.library
    plan = Arms([Arm(BASELINE, settings)] if baseline or equal_cost else [])
    plan.arms.append(Arm(LIBRARY, settings, lessons))
    if placebo:
        other = make_placebo(placebo.library, lessons)
        plan.notes[PLACEBO] = describe_placebo(other, lessons)
        plan.arms.append(Arm(PLACEBO, settings, other))
    if equal_cost:
        training = list(training_of(library.place)) if library.place else []
        plan.arms.append(plan_equal_cost(settings, training, plan.notes))
    return plan


def plan_equal_cost(
    settings: Settings, training: Sequence[Spending], notes: dict[str, str]
) -> ArmAfter:
    """Plan the arm that spends the cost of the library arm on attempts; note how many these are."""

    def make(found: Mapping[str, Evaluation]) -> Arm | None:
        bought = attempts_for(found[LIBRARY], training, found[BASELINE])
        if bought is None:
            notes[EQUAL_COST] = (
                "skipped: the model reports no tokens, so the cost of an attempt is unknown"
            )
            return None
        notes[EQUAL_COST] = bought.reason
        return Arm(EQUAL_COST, settings.model_copy(update={"attempts": bought.attempts}))

    return make


def compare_arms(found: Mapping[str, Evaluation]) -> dict[str, Comparison]:
    """Return by how much the library is better than every other arm.

    At equal cost, the answer to a problem is that of the majority.
    """
    if LIBRARY not in found:
        return {}
    others = ((name, arm) for name, arm in found.items() if name != LIBRARY)
    return {
        name: (compare_majority if name == EQUAL_COST else compare_evaluations)(arm, found[LIBRARY])
        for name, arm in others
    }
