"""The simulated agent: it attempts one problem, with the given lessons and tools."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from training_free_grpo.prompts import read_prompt
from training_free_grpo.simulated.advice import fitting_lessons
from training_free_grpo.simulated.approaches import Approach, Ask, Facts, Family, Found
from training_free_grpo.simulated.blocks import read_lessons
from training_free_grpo.simulated.families import recognise

OBEDIENCE = 0.95
"""The probability that a lesson that fits is followed."""
SLIPS = 0.04
"""The probability that an arithmetic slip goes unnoticed."""


@dataclass(frozen=True)
class Reply:
    """What the model says, and the tool that it calls: its name, argument and value."""

    text: str
    call: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Situation:
    """All that the agent knows of the current problem: the content of its messages."""

    problem: str
    lessons: dict[str, str]
    said: str
    results: tuple[str, ...]
    tools: Collection[str]


def solve(messages: Sequence[BaseMessage], tools: Collection[str], rng: Random) -> Reply:
    """Take the agent's next turn."""
    here = survey(messages, tools)
    known = recognise(here.problem)
    if not known:
        guess = rng.randrange(100)
        return Reply(
            "I cannot solve this kind of problem: I know no approach to it. "
            f"My guess is \\boxed{{{guess}}}."
        )
    family, facts = known
    started = next((a for a in family.approaches if f"I will {a.does}." in here.said), None)
    if started:
        return carry_out(family, started, facts, here, rng, "")
    approach, lesson = choose(family, here, rng)
    following = f"Following [{lesson}], " if lesson else ""
    opening = f"This is {article(family.kind)} problem. {following}I will {approach.does}."
    return carry_out(family, approach, facts, here, rng, opening)


def survey(messages: Sequence[BaseMessage], tools: Collection[str]) -> Situation:
    """Read the messages: the newest problem, and everything said and found since."""
    last_call = read_prompt("final_answer")
    asked = [n for n, m in enumerate(messages) if isinstance(m, HumanMessage)]
    at_end = bool(asked) and messages[asked[-1]].text.strip() == last_call
    problems = [n for n in asked if messages[n].text.strip() != last_call]
    start = problems[-1] if problems else 0
    since = messages[start:]
    return Situation(
        problem=messages[start].text if messages else "",
        lessons=read_lessons("\n".join(m.text for m in messages if isinstance(m, SystemMessage))),
        said="\n".join(m.text for m in since if isinstance(m, AIMessage)),
        results=tuple(m.text for m in since if isinstance(m, ToolMessage)),
        tools=() if at_end else tools,
    )


def choose(family: Family, here: Situation, rng: Random) -> tuple[Approach, str]:
    """Choose an approach, from a lesson that fits or else by habit; return the lesson's id too."""
    fitting = fitting_lessons(here.lessons, family)
    if fitting and rng.random() < OBEDIENCE:
        lesson, approach = fitting[rng.randrange(len(fitting))]
        if possible(approach, here):
            return approach, lesson
    options = [a for a in family.approaches if possible(a, here)]
    return rng.choices(options, [a.rate for a in options])[0], ""


def possible(approach: Approach, here: Situation) -> bool:
    """Return whether the tool that an approach needs is available."""
    return not approach.tool or approach.tool.name in here.tools


def carry_out(
    family: Family, approach: Approach, facts: Facts, here: Situation, rng: Random, opening: str
) -> Reply:
    """Take the next step of an approach; if a tool leads nowhere, fall back to the head."""
    if not approach.tool:
        return Reply(f"{opening}\n{work_out(approach, facts, rng)}".strip())
    move = approach.tool.move(facts, here.results)
    if isinstance(move, Ask) and possible(approach, here):
        call = (approach.tool.name, approach.tool.argument, move.text)
        return Reply(opening or "One more step is needed.", call)
    if isinstance(move, Found):
        return Reply(f"The result shows it: {box(slip(move.answer, rng))}")
    instead = next(a for a in family.approaches if not a.tool)
    why = "That does not show what I need, so I have to fall back:"
    return Reply(f"{opening}\n{why} {instead.does}.\n{work_out(instead, facts, rng)}".strip())


def work_out(approach: Approach, facts: Facts, rng: Random) -> str:
    """Compute in the head, with the approach's own formula."""
    assert approach.formula, "only approaches without a tool are worked out in the head"
    value = approach.formula(*facts)
    if approach.spread:
        value = int(str(value)) + rng.randint(-approach.spread, approach.spread)
        return f"As far as I can tell that is {box(str(value))}"
    given = " and ".join(str(fact) for fact in facts)
    return f"With {given} this gives {box(slip(str(value), rng))}"


def slip(answer: str, rng: Random) -> str:
    """Occasionally get the first number of an answer wrong."""
    if rng.random() >= SLIPS:
        return answer
    off = rng.choice((-2, -1, 1, 2, 10))
    return re.sub(r"\d+", lambda number: str(abs(int(number[0]) + off)), answer, count=1)


def box(answer: str) -> str:
    """Box the final answer."""
    return f"\\boxed{{{answer}}}."


def article(kind: str) -> str:
    """Put the indefinite article before a kind of problem."""
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
