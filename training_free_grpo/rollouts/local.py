"""Rollouts in this process: those of a run by itself, and those that a worker makes for one."""

from functools import partial
from typing import Any

from langchain_core.runnables import Runnable

from training_free_grpo.models.traffic.limits import limit
from training_free_grpo.records import JSON
from training_free_grpo.rollouts.components import Components
from training_free_grpo.rollouts.own_agent import AgentAlwaysFails
from training_free_grpo.rollouts.recall import count_own_agent
from training_free_grpo.rollouts.rollout import run_rollout
from training_free_grpo.settings import Settings

_HOPELESS = 20
_WORKING = 4
"""Rollouts in progress per call in flight: while some run their tools, others ask the model."""


class Local:
    """Runs rollouts on the running event loop."""

    def __init__(self, components: Components, react: Runnable[Any, Any]) -> None:
        self._components = components
        self.agent = components.agent or react
        self._losses: list[str] | None = []
        """Why each rollout of a user's agent was lost so far; None once one was not."""

    async def run(self, task: JSON, lessons: str, settings: Settings) -> JSON:
        """Let the agent attempt a problem once; return the figures and the messages."""
        own, models = self._components.agent is not None, self._components.models
        end_thread = partial(self._components.end_thread, settings)
        async with limit("rollouts", settings.concurrency * (1 if own else _WORKING)):
            with models.gate.passage() as passage:
                if own:  # its calls are out of sight, so that the rollout passes the gate as one
                    self._check_agent()
                    await passage.enter()
                done = await run_rollout(self.agent, own, task, lessons, settings, end_thread)
                if own:
                    await count_own_agent(models, done["usage"])
                    self._note_end(done["missing"])
                    self._check_agent()
        return done

    def _note_end(self, missing: str | None) -> None:
        if missing is None:
            self._losses = None
        elif self._losses is not None:
            self._losses.append(missing)

    def _check_agent(self) -> None:
        """Raise AgentAlwaysFails once the first rollouts have all failed."""
        if self._losses is not None and len(self._losses) >= _HOPELESS:
            reason = self._losses[-1]
            raise AgentAlwaysFails(f"the agent's first rollouts were all lost: {reason}")
