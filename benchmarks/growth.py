"""One step of 100, 1,000 and 10,000 problems × G 5: `python -m benchmarks.growth`.

A model that answers at once leaves nothing but the loop's own work: time, memory and disk per
rollout should stay flat. Every size runs in a process of its own, in a run folder as `tfgrpo train`
makes it. Half of the groups have contrast; one in a hundred of those proposes a lesson.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from training_free_grpo.datasets import read_problems
from training_free_grpo.models import Models
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.settings import Settings

ROW = "{:>10}{:>12}{:>14}{:>14}{:>14}{:>14}"
GROUP = 5


class Instant(BaseChatModel):
    """Answers every role at once; of two problems, it is unsure of one."""

    @property
    def _llm_type(self) -> str:
        return "instant"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[Any, AIMessage]:
        """Take tools and leave them unused."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        said = answer(messages)
        usage = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
        message = AIMessage(said, usage_metadata=usage, response_metadata={"finish_reason": "stop"})
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> ChatResult:
        return self._generate(messages)


def answer(messages: list[BaseMessage]) -> str:
    """Say what the last message asks for."""
    asked = messages[-1].text
    if asked.startswith("Add "):
        number = int(asked.split()[1])
        return f"\\boxed{{{number + (0 if number % 2 else time.perf_counter_ns() % 2)}}}"
    if "<trajectory>" in asked:
        return "1. It added.\nOutcome: a number."
    if "<proposal " in asked:
        return json.dumps({"reasoning": "", "operations": []})
    return json.dumps({"reasoning": "Some slipped.", "operations": []})


def measure(problems: int) -> None:
    """Run one step in this process and print its figures as JSON."""
    rows = [{"problem": f"Add {n} and 0.", "answer": str(n)} for n in range(problems)]
    settings = Settings(epochs=1, batch_size=problems, group_size=GROUP)
    parsed, _ = read_problems(rows)

    with tempfile.TemporaryDirectory() as name:
        models = Models(policy_model=Instant())
        training = TrainingRun(RunFolder(Path(name) / "run"), settings, parsed, models=models)
        before = resource.getrusage(resource.RUSAGE_SELF)
        started = time.monotonic()
        asyncio.run(training.run(lambda event: None))
        wall = time.monotonic() - started
        used = resource.getrusage(resource.RUSAGE_SELF)
        disk = sum(path.stat().st_size for path in Path(name).rglob("*") if path.is_file())
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    memory = (used.ru_maxrss - before.ru_maxrss) * 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "memory": memory, "disk": disk}))


def main(sizes: list[int]) -> None:
    """Run every size in a process of its own and print a line for it."""
    print(ROW.format("problems", "rollouts", "ms wall", "ms CPU", "kB memory", "kB disk"))
    for size in sizes:
        command = [sys.executable, "-m", "benchmarks.growth", "--here", str(size)]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        figures = json.loads(found.stdout.splitlines()[-1])
        rollouts = size * GROUP
        each = (
            f"{figures[name] / rollouts * factor:.2f}"
            for name, factor in (("wall", 1e3), ("cpu", 1e3), ("memory", 1e-3), ("disk", 1e-3))
        )
        print(ROW.format(f"{size:,}", f"{rollouts:,}", *each), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--here", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        measure(given.here)
    else:
        main(given.sizes)
