"""What an evaluation found, in words."""

from collections import Counter
from collections.abc import Iterator, Mapping

from training_free_grpo.cli.output import percent, print_json, results, signed, span
from training_free_grpo.cli.undecided import warn_of_evaluation
from training_free_grpo.ledger import total_usage
from training_free_grpo.metrics.student import LEVEL
from training_free_grpo.prices import show_cost
from training_free_grpo.records import Comparison, Evaluation, EvaluationReport, Figure
from training_free_grpo.session.arms import BASELINE, EQUAL_COST, PLACEBO

_REASONS = 3
"""Reasons for missing and undecided attempts that are printed; `--json` has them all."""
_READINGS = {
    PLACEBO: {
        "better": "the gain comes from the lessons, not from the longer prompt",
        "noise": "other text of the same length may help as much",
        "worse": "other text of the same length helps more",
    },
    EQUAL_COST: {
        "better": "extra attempts at the same cost do not match it",
        "noise": "extra attempts at the same cost may help as much",
        "worse": "extra attempts at the same cost help more",
    },
}
"""What a difference to an arm means."""


def show_evaluations(said: EvaluationReport, table: bool, as_json: bool) -> None:
    """Show each evaluation, and the differences between them."""
    if as_json:
        print_json(said)
        return
    for name, evaluation in said["evaluations"].items():
        results.print(describe_evaluation(name, evaluation))
        for line in describe_details(evaluation):
            results.print(f"  {line}")
    for name, note in said["notes"].items():
        results.print(f"{name}: {note}")
    for line in describe_differences(said["evaluations"], said["differences"]):
        results.print(line)
    if table:
        for name, evaluation in said["evaluations"].items():
            results.print(f"\n{name}:")
            for line in draw_table(evaluation):
                results.print(line)


def describe_evaluation(name: str, evaluation: Evaluation) -> str:
    """Write an evaluation in a line."""
    k, usage = evaluation["attempts"], total_usage(evaluation["usage"])
    missing = sum(evaluation["missing"].values())
    line = f"{name}: mean@{k} {percent(evaluation['mean'])} {span(evaluation['interval'])}".rstrip()
    if k > 1:
        at, _ = name_figures(evaluation)
        line += ", " + describe_figure(f"{at}{k}", evaluation["pass_at"][str(k)])
    line += f", {evaluation['problems']} problems"
    if usage["calls"]:
        line += f", {usage['calls']} calls, {usage['input']:,} + {usage['output']:,} tokens"
    undecided = sum(evaluation.get("undecided", {}).values())
    line += f", {missing} attempts missing" if missing else ""
    return line + (f", {undecided} undecided by the grader" if undecided else "")


def describe_details(evaluation: Evaluation) -> Iterator[str]:
    """Write the details beyond the mean, one per line."""
    k = evaluation["attempts"]
    at, all_of = name_figures(evaluation)
    between = {j: f for j, f in evaluation["pass_at"].items() if 1 < int(j) < k}
    if between:
        yield ", ".join(describe_figure(f"{at}{j}", figure) for j, figure in between.items())
    if k > 1:
        least = describe_figure(f"{all_of}{k}", evaluation["pass_all"][str(k)])
        yield f"{least}, {describe_figure(f'majority@{k}', evaluation['majority'])}"
    right, wrong = evaluation["all_right"], evaluation["all_wrong"]
    mixed = evaluation["majority"]["problems"] - right - wrong
    groups = f"problems: {right} all right, {mixed} mixed, {wrong} all wrong"
    time = f", {evaluation['seconds']:,.0f} s of rollouts" if evaluation["seconds"] else ""
    cost = f"; {show_cost(evaluation)}" if evaluation["usage"] else ""
    yield f"{groups}{cost}{time}"
    for reason, count in Counter(evaluation["missing"]).most_common(_REASONS):
        yield f"missing: {count} × {' '.join(reason.split())}"
    for reason, count in Counter(evaluation.get("undecided")).most_common(_REASONS):
        yield f"undecided: {count} × {' '.join(reason.split())}"
    if warning := warn_of_evaluation(evaluation):
        yield f"warning: {warning}"


def describe_figure(name: str, figure: Figure) -> str:
    """Write a figure with its interval."""
    return f"{name} {percent(figure['value'])} {span(figure['interval'])}".rstrip()


def name_figures(evaluation: Evaluation) -> tuple[str, str]:
    """Name the best and the worst of j attempts: pass@ and pass^ if rewards are 0 or 1."""
    rewards = {r for attempts in evaluation["rewards"].values() for r in attempts}
    return ("pass@", "pass^") if rewards <= {0.0, 1.0, None} else ("best@", "worst@")


def describe_differences(
    arms: Mapping[str, Evaluation], differences: Mapping[str, Comparison]
) -> Iterator[str]:
    """Write by how much the library beats each other arm, and what that means."""
    for name, found in differences.items():
        if name == BASELINE:
            yield describe_difference(found)
        elif name == EQUAL_COST:
            k, (at, _) = arms[name]["attempts"], name_figures(arms[name])
            yield describe_difference(found, f" to majority@{k} at {name}")
            oracle = f"its {at}{k} takes an oracle that picks the right attempt"
            yield f"  {_READINGS[name][read_difference(found)]}; {oracle}"
        else:
            yield describe_difference(found, f" to {name}")
            yield f"  {_READINGS[name][read_difference(found)]}"


def read_difference(found: Comparison) -> str:
    """Tell whether the difference is significant, and in which direction."""
    value, p = found["difference"], found["p_value"]
    if value is None or p is None or p >= LEVEL:
        return "noise"
    return "better" if value > 0 else "worse"


def describe_difference(found: Comparison, to: str = "") -> str:
    """Write a paired difference in a line, and whether it is more than noise."""
    value, p = found["difference"], found["p_value"]
    if value is None or p is None:
        return f"difference{to}: nothing to compare"
    size = f"{100 * value:+.1f} points {signed(found['interval'])}, paired by problem"
    chance = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    verdict = "more than noise" if p < LEVEL else "not distinguishable from noise"
    needed = found["problems_needed"]
    advice = (
        f"; about {needed:,} problems detect an effect this large with 80 % power" if needed else ""
    )
    return f"difference{to}: {size}, {chance}: {verdict}{advice}"


def draw_table(evaluation: Evaluation) -> Iterator[str]:
    """Draw a line per problem: its figures, and the reward of every attempt."""
    width = max(len("problem"), *map(len, evaluation["by_problem"]))
    yield f"{'problem':{width}}     mean  majority  missing  undecided    tokens  seconds  rewards"
    for id, row in evaluation["by_problem"].items():
        tokens = row["usage"]["input"] + row["usage"]["output"]
        yield (
            f"{id:{width}}  {percent(row['mean']):>7}  {percent(row['majority']):>8}  "
            f"{sum(row['missing'].values()):>7}  {sum(row.get('undecided', {}).values()):>9}  "
            f"{known(tokens):>8}  {known(row['seconds']):>7}  "
            + " ".join("–" if r is None else f"{r:g}" for r in evaluation["rewards"][id])
        )


def known(value: float) -> str:
    """Write a number, or a dash if it is unknown."""
    return f"{value:,}" if value else "–"
