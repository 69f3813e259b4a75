"""The recorded model: real solutions from a file, replayed as rollouts."""

import json
import random
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from training_free_grpo.models.errors import Outage
from training_free_grpo.settings import SettingsError


class RecordedModel(BaseChatModel):
    """Answers a problem with its recorded solutions: attempt n gets the n-th, then from the start.

    `recorded:FILE` replays in order; `recorded:FILE?sample` draws by the call's seed.
    """

    solutions: dict[str, list[str]]
    sample: bool = False

    @classmethod
    def load(cls, spec: str) -> Self:
        """Load `FILE` or `FILE?sample`; raise SettingsError naming the line that is no solution."""
        file, _, how = spec.partition("?")
        if how not in ("", "sample"):
            raise SettingsError(f"'recorded:{spec}': {how!r} is unknown; write FILE or FILE?sample")
        path = Path(file)
        try:
            solutions = read_solutions(path, path.stat().st_mtime_ns)
        except OSError as error:
            raise SettingsError(f"cannot read the solutions {file!r}: {error.strerror}") from None
        return cls(solutions=solutions, sample=how == "sample")

    @property
    def _llm_type(self) -> str:
        return "recorded"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[Any, AIMessage]:
        """Take tools and leave them unused: recorded solutions call none."""
        return self.bind(**kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        problem = next((m.text for m in messages if isinstance(m, HumanMessage)), "")
        found = self.solutions.get(problem.strip())
        if found is None:
            raise Outage(f"no recorded solution for the problem {problem[:80]!r}")
        attempt, seed = kwargs.get("attempt", 0), kwargs.get("seed", 0)
        text = random.Random(seed).choice(found) if self.sample else found[attempt % len(found)]
        # Nothing was paid: the tokens of the recording were somebody else's.
        usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
        answer = AIMessage(text, usage_metadata=usage, response_metadata={"finish_reason": "stop"})
        return ChatResult(generations=[ChatGeneration(message=answer)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages, stop, None, **kwargs)


@lru_cache(maxsize=8)
def read_solutions(path: Path, changed: int) -> dict[str, list[str]]:
    """Read rows {problem, response}, by problem; `changed` makes a changed file read anew."""
    solutions: dict[str, list[str]] = {}
    for line, text in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
            problem, response = row.get("problem") or row["question"], row["response"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SettingsError(
                f"{path.name}, line {line}: not a recorded solution "
                f"{{problem, response}}: {type(error).__name__} {error}"
            ) from None
        solutions.setdefault(problem.strip(), []).append(response)
    return solutions
