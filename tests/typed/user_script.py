"""A script as a user writes it: an agent and a grader of one's own, from training to export."""

import sys
from pathlib import Path

from langchain_core.messages import AIMessage, AnyMessage

from training_free_grpo import (
    Budget,
    Evaluation,
    EvaluationReport,
    Event,
    Experience,
    Library,
    Metrics,
    Problem,
    Settings,
    TrainingResult,
    UserError,
    compare,
    evaluate,
    export_library,
    load_library,
    train,
)

ROWS = [{"id": str(n), "problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(6)]
HELD_OUT = [{"problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(20, 24)]


class Adder:
    """An agent that is right every other time."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, messages: list[AnyMessage]) -> AIMessage:
        """Answer the last message."""
        self.calls += 1
        number = int(messages[-1].text.split()[2])
        return AIMessage(str(2 * number + self.calls % 2))


def grade(problem: Problem, answer: str) -> float:
    """Compare an answer with the accepted one."""
    return float(answer == problem["answers"][0])


def learn(agent: Adder, folder: Path, seen: list[str]) -> TrainingResult:
    """Train, or resume what is there."""

    def note(event: Event) -> None:
        seen.append(event["event"])

    return train(
        ROWS,
        agent=agent,
        grader=grade,
        settings=Settings(model="simulated", epochs=1, batch_size=3, group_size=2),
        run="first",
        runs_dir=folder,
        budget=Budget(calls=1000),
        on_event=note,
    )


def main(folder: Path) -> None:
    """Train, resume, evaluate and export."""
    agent, seen = Adder(), list[str]()
    result = learn(agent, folder, seen)
    steps: list[Metrics] = result.metrics
    calls = agent.calls
    resumed = learn(agent, folder, seen)
    assert (resumed.status, agent.calls, len(resumed.metrics)) == ("finished", calls, len(steps))
    library: Library = resumed.library
    lessons: list[Experience] = list(library["experiences"].values())
    found: Evaluation = evaluate(HELD_OUT, result, agent=agent, grader=grade)
    mean: float | None = found["mean"]
    report: EvaluationReport = compare(HELD_OUT, {"G0": "Sums: add."}, agent=agent, grader=grade)
    again: EvaluationReport = result.compare(HELD_OUT)
    result.save(folder / "library.json")
    markdown: str = export_library(load_library(folder / "library.json"), "markdown")
    page: Path = result.report(folder / "report.html")
    try:
        train([{"question": ""}])
    except UserError as error:
        print(f"refused: {error}")
    print(len(steps), len(lessons), mean, len(seen) > 0, page.exists(), markdown.splitlines()[0])
    print(sorted(report["evaluations"]), sorted(again["evaluations"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
