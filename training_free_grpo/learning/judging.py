"""Have a model judge an answer: where the grader leaves it undecided, or always.

The answer is the work of a model under test, which may try to talk the judge round. It is therefore
quoted in a block that it cannot close, and only the field of the verdict counts.
"""

from typing import Literal

from pydantic import BaseModel, Field

from training_free_grpo.arguments import argument
from training_free_grpo.graders import is_left_to_judge
from training_free_grpo.model_name import ModelName
from training_free_grpo.models import Endpoint, Models, value_or_reason
from training_free_grpo.models.names import judge_name
from training_free_grpo.models.structured import ask
from training_free_grpo.prompts import quote, render_messages
from training_free_grpo.records import JSON, Grade, Problem, Verdict
from training_free_grpo.settings import Settings, SettingsError

_END = 20_000
"""Characters of a response that are judged: its end, which is what graders read."""


class Judgement(BaseModel):
    """Whether the response gives an accepted answer."""

    reasoning: str
    extracted_answer: str
    correct: Literal["correct", "incorrect", "not_attempted"]
    confidence: float = Field(ge=0, le=1)


def asks_judge(grade: Grade, models: Models, settings: Settings) -> bool:
    """Tell whether the judge decides: it is requested, or set while the grader is undecided."""
    judge_set = settings.judge_model is not None or models.judge_model is not None
    return is_left_to_judge(grade) or (judge_set and grade["verdict"] == "undecided")


def is_judged(settings: Settings, grader: str) -> bool:
    """Tell whether a model may decide grades, given the name of the grader."""
    return grader == "judge" or settings.judge_model is not None


def judge_of(models: Models, settings: Settings) -> Endpoint:
    """Return the judge model; raise SettingsError for an embedded one, which cannot judge."""
    name, _ = judge_name(settings)
    if models.judging(settings) is None and ModelName.parse(name).is_embedded:
        raise SettingsError(
            f"setting 'judge_model' is {name!r}, an embedded model, which cannot judge: "
            f"name another one with {argument('judge_model=', '--judge-model')}, or choose a "
            "grader that needs none"
        )
    return models.judge(settings)


async def judge_answer(endpoint: Endpoint, problem: Problem, answer: str) -> Grade:
    """Grade a whole response by a model's verdict; without a verdict, it is not graded."""
    if not problem["answers"]:
        return _grade("undecided", "", "There is no accepted answer to compare with.")
    messages = render_messages(
        "judge",
        problem=quote("problem", problem["problem"]),
        truth=quote("truth", " | ".join(problem["answers"])),
        response=quote("response", answer[-_END:]),
    )
    judgement, lost = await value_or_reason(ask(endpoint, messages, Judgement, _read, role="judge"))
    if judgement is None:
        return _grade("failed", "", f"The judge returned no verdict: {lost}")
    found, sure = judgement.correct.replace("_", " "), judgement.confidence
    critique = f"Judged {found} (confidence {sure:g}): {judgement.reasoning}"
    verdict: Verdict = "right" if judgement.correct == "correct" else "wrong"
    return _grade(verdict, judgement.extracted_answer, critique)


def _read(answer: JSON) -> tuple[Judgement, list[str]]:
    return Judgement.model_validate(answer), []


def _grade(verdict: Verdict, extracted: str, critique: str) -> Grade:
    reward = {"right": 1.0, "wrong": 0.0}.get(verdict)
    return Grade(
        reward=reward, verdict=verdict, extracted=extracted, critique=critique, method="judge"
    )
