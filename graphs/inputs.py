"""What a run is given, checked before any money is spent."""

import asyncio
from collections.abc import Mapping
from typing import Any

from langgraph.types import Overwrite

from training_free_grpo.datasets import DatasetError, read_problems
from training_free_grpo.graders import load_grader
from training_free_grpo.graphs.context import context_settings
from training_free_grpo.learning.judging import judge_of
from training_free_grpo.library import empty_library, read_library
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.rollouts.components import Components


async def read_inputs(
    components: Components, attempter: Attempter, state: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings, problems and library in the form of the state.

    Raise SettingsError, DatasetError or LibraryError, each naming the field and the remedy.
    """
    settings, rows = context_settings(), state.get("problems") or []
    await asyncio.to_thread(components.models.check, settings)
    if settings.judge_model or components.grader is load_grader("judge"):
        judge_of(components.models, settings)
    if not isinstance(rows, list | tuple):
        raise DatasetError(
            f"problems is {type(rows).__name__}, not a list: give rows such as "
            '[{"problem": "What is 6 times 7?", "answer": "42"}]'
        )
    problems, _ = read_problems(rows)
    library = read_library(state["library"]) if state.get("library") else empty_library()
    await attempter.check(settings)
    # The thread may hold another run, even one that was not finished.
    cleared = {"groups": Overwrite([])}
    return {"settings": settings.changed(), "problems": problems, "library": library} | cleared
