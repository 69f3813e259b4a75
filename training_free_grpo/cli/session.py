"""Carry out what a command has planned: forecast, check, run, show."""

import asyncio
from contextlib import nullcontext
from pathlib import Path

import typer

from training_free_grpo.cli import options as o
from training_free_grpo.cli.evaluation_report import show_evaluations
from training_free_grpo.cli.output import FAILED, progress
from training_free_grpo.cli.progress import TrainingWatch, Watch
from training_free_grpo.cli.spending import RESUMES, announce, explain_stop, show_forecast
from training_free_grpo.cli.training_report import report, show_outcome
from training_free_grpo.inspect_logs import EvaluationLogs, TrainingLogs
from training_free_grpo.model_name import ModelName
from training_free_grpo.records import JSON, Evaluation, Event
from training_free_grpo.runs.evaluation import Arm, EvaluationRun
from training_free_grpo.runs.interrupts import stop_on_interrupt
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.session.evaluation import PlannedEvaluation
from training_free_grpo.session.training import PlannedTraining
from training_free_grpo.spending.budget import OutOfBudget


def carry_out_training(plan: PlannedTraining, options: JSON) -> None:
    """Carry out a run or resume it, and show the outcome."""
    training, folder = plan.run, plan.run.folder
    print_notes(plan.notes)
    log_folder = o.find_log_folder(options, folder.path)
    forecast = training.forecast()
    if options["dry_run"]:
        show_forecast(forecast, options["as_json"])
        return
    note_choices(training)
    note_changes(training)
    asyncio.run(training.check())
    announce(forecast, training.budget, training.prices, folder.metrics)
    logs = TrainingLogs(folder, log_folder, progress.print) if log_folder else None
    show_outcome(folder, make_run(training, logs), options["as_json"])


def make_run(training: TrainingRun, logs: TrainingLogs | None) -> JSON:
    """Carry out a run, show its progress, and return its state."""
    watch = TrainingWatch(progress, training, training.forecast)

    def hear(event: Event) -> None:
        report(event)
        watch.hear(event)
        if logs:
            logs.hear(event)

    try:
        with watch, logs or nullcontext():
            work = training.run(hear)
            return asyncio.run(stop_on_interrupt(work, training.models.gate, progress.print))
    except OutOfBudget as error:
        raise explain_stop(error, training.folder, training.folder.metrics) from None


def carry_out_evaluation(plan: PlannedEvaluation, options: JSON) -> None:
    """Carry out an evaluation or resume it, and show the results."""
    evaluation = plan.run
    print_notes(plan.notes)
    log_folder = o.find_log_folder(options, evaluation.folder)
    forecast = evaluation.forecast()
    if options["dry_run"]:
        show_forecast(forecast, options["as_json"])
        return
    asyncio.run(evaluation.check())
    announce(forecast, evaluation.budget, evaluation.prices)
    logs = make_logs(evaluation, log_folder) if log_folder else None
    said = plan.report(make_evaluations(evaluation, logs))
    show_evaluations(said, options["table"], options["as_json"])
    if any(each["mean"] is None for each in said["evaluations"].values()):
        raise typer.Exit(FAILED)


def make_logs(evaluation: EvaluationRun, place: Path) -> EvaluationLogs:
    """Return the writer of Inspect logs."""
    return EvaluationLogs(
        evaluation.folder.name if evaluation.folder else "evaluation",
        evaluation.problems,
        evaluation.attempter,
        evaluation.grader_name,
        place,
        progress.print,
    )


def make_evaluations(
    evaluation: EvaluationRun, logs: EvaluationLogs | None
) -> dict[str, Evaluation]:
    """Carry out the evaluations, resuming from the answers in the folder."""
    watch = Watch(progress, evaluation.prices, expected=evaluation.expected)

    def begin(arm: Arm) -> None:
        problems, attempts = len(evaluation.problems), arm.settings.attempts
        progress.print(f"evaluating {arm.name}: {problems} problems × {attempts}")
        watch.begin(arm.name, problems, problems * attempts)
        if logs:
            logs.begin(arm)

    def hear(event: Event) -> None:
        watch.hear(event)
        if logs:
            logs.hear(event)

    try:
        with watch, logs or nullcontext():
            work = evaluation.run(begin, hear)
            return asyncio.run(stop_on_interrupt(work, evaluation.models.gate, progress.print))
    except OutOfBudget as error:
        rest = f"Rerunning the command with a larger budget {RESUMES}"
        if not evaluation.folder:
            rest = "Nothing was saved: give --run NAME to be able to resume"
        raise OutOfBudget(f"{error}. {rest}") from None


def note_choices(training: TrainingRun) -> None:
    """Point out what a user may not expect of the chosen models."""
    settings = training.settings
    model = ModelName.parse(settings.model)
    if model.is_simulated:
        progress.print("note: the model is simulated: rules that follow lessons, not a real model")
    if model.is_recorded and settings.reflection_model is None:
        progress.print("note: rollouts are recorded; the embedded model writes the lessons")
    if training.agent and model.is_simulated and settings.reflection_model is None:
        progress.print("note: name a real --reflection-model to learn from your agent's attempts")


def note_changes(training: TrainingRun) -> None:
    """Print the changed settings of a resumed run that do not affect what it learns."""
    if training.folder.exists:
        for change in training.folder.list_changes(training.settings.model_dump(mode="json")):
            progress.print(f"note: the run resumes with {change}")
    if training.finished:
        progress.print("note: the run is finished: nothing is left to do")


def print_notes(notes: list[str]) -> None:
    """Print notes about the problems of a command."""
    for note in notes:
        progress.print(f"note: {note}")
