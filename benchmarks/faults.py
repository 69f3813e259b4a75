"""Training over HTTP while a share of the answers is broken: what is lost, and what it costs.

    python -m benchmarks.faults [--kinds rate_limit,empty] [--shares 0.05,0.2] [--problems 40]

Every run is `tfgrpo train`'s graph against the tests' stand-in server, with the `judge` grader, so
that each kind of fault strikes all five roles. The stand-in answers a call that is made again as
it would have answered the first time; so rewards and library must be those of the run without
faults. Where they are not, something was scored, lost or learned for a fault.
"""

import argparse
import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.standin import FAULTS, Call, Faults, StandIn, by_share
from training_free_grpo import Settings, build_training_graph
from training_free_grpo.graders import load_grader
from training_free_grpo.records import JSON, Group, Usage

_LASTING = ("no_quota", "too_long", "broken_stream")
KINDS = tuple(name for name in FAULTS if name and name not in _LASTING)
"""Faults that pass. What cannot pass stops the run, or loses a call with its reason."""
JSON_KINDS = ("not_json", "wrong_schema")
TOOL_KINDS = ("bad_arguments", "listed_arguments", "one_of_two", "unknown_tool")
JSON_ROLES = ("judge", "extract_advantage", "edit_experiences")
SLOW_KINDS = ("hang", "trickle")
_HANG = 6.0
"""Seconds after which a call is given up where calls hang: in other runs, none takes its time."""


def strike(shares: dict[str, float]) -> Faults:
    """Draw a fault for a share of the calls of each role that it can strike."""
    draw = by_share(1, **shares)

    def choose(call: Call) -> str | None:
        fault = draw(call)
        if fault in JSON_KINDS and call.role not in JSON_ROLES:
            return None
        if fault in TOOL_KINDS and not (call.role == "rollout" and call.body.get("tools")):
            return None
        return fault

    return choose


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    groups: list[Group]
    lessons: list[tuple[str, str]]
    retries: int
    repairs: int
    faults: int
    calls: int
    seconds: float

    def rewards(self) -> Counter[tuple[str, float | None]]:
        """Count the rewards by problem: which attempt got which answer is the server's luck."""
        return Counter(
            (group["problem"], attempt["reward"])
            for group in self.groups
            for attempt in group["attempts"]
        )


async def train(problems: list[JSON], options: JSON, faults: dict[str, float]) -> Outcome:
    """Train once, with these shares of faults."""
    answers = {problem["problem"]: problem["answer"] for problem in problems}
    with StandIn(answers, latency=0.05, tool_share=0.5, retry_after=0.5) as server:
        server.faults = strike(faults) if faults else None
        patience = {"call_timeout": _HANG} if set(faults) & set(SLOW_KINDS) else {}
        given = {"model": "openai:stand-in", "base_url": server.url}
        settings = Settings.read(given | patience | options)
        graph = build_training_graph(grader=load_grader("judge"))
        groups: list[Group] = []
        state: JSON = {}
        started = time.monotonic()
        stream: Any = graph.astream(
            {"problems": problems}, context=settings, stream_mode=["updates", "values"]
        )
        async for mode, event in stream:
            if mode == "values":
                state = event
            elif "group" in event:
                groups += event["group"]["groups"]
        seconds = time.monotonic() - started
        used: list[Usage] = [u for step in state["metrics"] for u in step["usage"].values()]
        struck = sum(call.fault is not None for call in server.calls)
        return Outcome(
            groups=groups,
            lessons=[(id, e["content"]) for id, e in state["library"]["experiences"].items()],
            retries=sum(usage["retries"] for usage in used),
            repairs=sum(usage["repairs"] for usage in used),
            faults=struck,
            calls=len(server.calls),
            seconds=seconds,
        )


def compare(found: Outcome, whole: Outcome) -> dict[str, Any]:
    """Set a run with faults against the one without."""
    attempts = [attempt for group in found.groups for attempt in group["attempts"]]
    missing = sum(attempt["reward"] is None for attempt in attempts)
    proposals, expected = (
        sum(len(group["proposals"]) for group in run.groups) for run in (found, whole)
    )
    return {
        "rollouts": len(attempts),
        "wrongly scored": (found.rewards() - whole.rewards()).total() - missing,
        "missing": missing,
        "groups lost": sum(group["failure"] is not None for group in found.groups),
        "proposals lost": expected - proposals,
        "faults": found.faults,
        "retries": found.retries,
        "repairs": found.repairs,
        "library": "equal" if found.lessons == whole.lessons else "DIFFERS",
        "wall": f"{found.seconds / whole.seconds:.1f} ×",
    }


def main(options: argparse.Namespace) -> None:
    """Run every kind of fault at every share and print the table."""
    problems: list[JSON] = [
        {"id": f"p{n}", "problem": f"Puzzle number {n}: how many?", "answer": str(n)}
        for n in range(options.problems)
    ]
    settings = {"epochs": 1, "batch_size": options.problems // 2, "group_size": 5}
    asyncio.run(train(problems[:2], settings, {}))  # what is imported and made ready only once
    whole = asyncio.run(train(problems, settings, {}))
    print(f"without faults: {whole.calls} calls, {whole.seconds:.1f} s\n")
    kinds = options.kinds.split(",")
    runs = [(kind, {kind: share}) for kind in kinds for share in options.shares]
    quick = [kind for kind in kinds if kind not in SLOW_KINDS]
    mixed = [
        ("all but the slow", dict.fromkeys(quick, share / len(quick))) for share in options.shares
    ]
    head = False
    for name, faults in runs + mixed:
        row = {"fault": name, "share": f"{sum(faults.values()):.0%}"}
        row |= compare(asyncio.run(train(problems, settings, faults)), whole)
        if not head:
            print("| " + " | ".join(row) + " |")
            print("| " + " | ".join("--:" if key != "fault" else "---" for key in row) + " |")
            head = True
        print("| " + " | ".join(map(str, row.values())) + " |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument(
        "--shares", type=lambda text: [float(n) for n in text.split(",")], default=[0.05, 0.2]
    )
    parser.add_argument("--problems", type=int, default=40)
    main(parser.parse_args())
