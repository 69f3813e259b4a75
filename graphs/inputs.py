"""The input of a run, checked before any money is spent."""

from collections.abc import Mapping
from typing import Any

from training_free_grpo.datasets import read_problems
from training_free_grpo.graders import load_grader
from training_free_grpo.graphs.context import context_settings
from training_free_grpo.graphs.misplaced import warn_of_misplaced
from training_free_grpo.learning.judging import judge_of
from training_free_grpo.library import empty_library, read_library
from training_free_grpo.models.simulation import warn_of_simulation
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.rollouts.components import Components
from training_free_grpo.threads import in_thread


async def read_inputs(
    components: Components, attempter: Attempter, state: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings, problems and library as the state holds them.

    Raise SettingsError, DatasetError or LibraryError, each naming the field and the remedy.
    """
    settings, rows = context_settings(), state.get("problems")
    warn_of_misplaced(settings)
    warn_of_simulation(settings, attempter.prices(settings)[0])
    await in_thread(components.models.check, settings)
    if settings.judge_model or components.grader is load_grader("judge"):
        judge_of(components.models, settings)
    problems, _ = read_problems([] if rows is None else rows)
    library = read_library(state["library"]) if state.get("library") else empty_library()
    await attempter.check(settings)
    # The thread may hold another run, even an unfinished one.
    cleared: dict[str, Any] = {"groups": None, "usage": {}}
    return {"settings": settings.changed(), "problems": problems, "library": library} | cleared
