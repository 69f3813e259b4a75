"""A user's own agent as an attempter: any runnable over messages, or a function of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config

from training_free_grpo.compat import apart
from training_free_grpo.ledger import metered, record
from training_free_grpo.library.prompt import LESSONS, experience_block
from training_free_grpo.models import Models
from training_free_grpo.models.traffic.failures import read_failure
from training_free_grpo.models.traffic.limits import limit
from training_free_grpo.prices import RolePrice, read_price
from training_free_grpo.records import FinishedRollout, RolloutTask
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.rollouts.own_agent import (
    Agent,
    AgentAlwaysFails,
    Counter,
    read_agent,
    read_result,
    takes_lessons,
    takes_list,
)
from training_free_grpo.rollouts.recall import count_unseen, settle
from training_free_grpo.rollouts.rollout import Talk, rollout_config, run_rollout
from training_free_grpo.settings import Settings
from training_free_grpo.threads import own_threads

_HOPELESS = 20
"""Number of rollouts which, if all of them are lost at the start, stop the run."""


class UserAgent(Attempter):
    """Attempts problems with an agent of the user's own.

    Its model calls cannot be intercepted: callbacks count them, and the journal does not hold them.
    """

    def __init__(self, agent: Agent, models: Models | None = None, name: str | None = None) -> None:
        self.agent = read_agent(agent)
        self.name = name or self.agent.get_name()
        self._models = models or Models()
        self._losses: list[str] | None = []
        """Why each rollout so far was lost; None once one has succeeded."""

    def prices(self, settings: Settings) -> RolePrice:
        """Return the price that the settings give: the agent's models are unknown."""
        return "your agent's", read_price(settings.price) if settings.price else None

    async def attempt(self, task: RolloutTask, lessons: str, settings: Settings) -> FinishedRollout:
        """Attempt the problem once."""
        async with limit("rollouts", settings.concurrency), self._counted_as_a_call():
            finished = await run_rollout(
                task, lessons, settings, lambda thread: self._talk(task, lessons, thread)
            )
            await count_unseen(self._models, finished["usage"])
            self._note_end(finished["missing"])
            self._check_losses()
        return await settle(self._models.journal, task, lessons, settings, finished)

    @asynccontextmanager
    async def _counted_as_a_call(self) -> AsyncIterator[None]:
        """Pass the gate with the whole rollout: its calls cannot be stopped one by one."""
        with self._models.gate.passage() as passage:
            self._check_losses()
            await passage.enter()
            yield

    async def _talk(self, task: RolloutTask, lessons: str, thread: str) -> Talk:
        """Pass the problem to the agent; return the messages that it added, and its answer.

        The lessons go where its middleware has a place for them, or else into a system message; if
        the agent rejects that, before the question.
        """
        question, block = HumanMessage(task["problem"]["problem"]), experience_block(lessons)
        ask, counter = partial(self._ask, task, lessons, thread), Counter()
        if not block or takes_lessons(self.agent):
            return await ask(counter, [question])
        try:
            return await ask(counter, [SystemMessage(block), question])
        except Exception as error:
            if counter.ledger or read_failure(error) != "request":
                raise
        # Many chat templates take only one system message, and the agent's own comes before ours.
        return await ask(Counter(), [HumanMessage(f"{block}\n\n{question.text}")])

    async def _ask(
        self,
        task: RolloutTask,
        lessons: str,
        thread: str,
        counter: Counter,
        asked: list[AnyMessage],
    ) -> Talk:
        """Run the agent on these messages, and count the answers of its models."""
        given: Any = asked if takes_list(self.agent) else {"messages": asked}
        if takes_lessons(self.agent):
            given[LESSONS] = lessons
        callbacks = counter.beside(ensure_config().get("callbacks"))
        config = rollout_config(task, thread) | RunnableConfig(callbacks=callbacks)
        with metered() as seen:
            try:
                with own_threads():
                    result = await apart(self.agent.ainvoke(given, config))
            finally:
                for role, usage in ({} if seen else counter.ledger).items():
                    record(role, usage)
        return read_result(result, asked)

    def _note_end(self, missing: str | None) -> None:
        if missing is None:
            self._losses = None
        elif self._losses is not None:
            self._losses.append(missing)

    def _check_losses(self) -> None:
        """Raise AgentAlwaysFails once the first rollouts have all failed."""
        if self._losses is not None and len(self._losses) >= _HOPELESS:
            reason = self._losses[-1]
            raise AgentAlwaysFails(f"the agent's first rollouts were all lost: {reason}")
