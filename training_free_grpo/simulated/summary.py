"""Summarize one attempt from its record, in the simulated model's words."""

import re

from training_free_grpo.simulated.blocks import read_block, read_blocks

_ENTRY = re.compile(r"^\[(assistant|tool call|tool result|user|system)\] ?", re.MULTILINE)


def summarize(prompt: str) -> str:
    """Write the steps of the recorded attempt as a numbered list, and its outcome."""
    record = read_record(read_block("trajectory", prompt))
    said = "\n".join(text for role, text in record if role == "assistant")
    steps = [*describe_choice(said), *describe_tools(record)]
    if "have to fall back" in said:
        steps.append("Gave up on that, since the result did not show what was needed.")
    lines = [f"{number}. {step}" for number, step in enumerate(steps[:11], 1)]
    return "\n".join([*lines, describe_outcome(said, prompt)])


def read_record(trajectory: str) -> list[tuple[str, str]]:
    """Split a transcript into its entries: the role and text of each."""
    pieces = _ENTRY.split(trajectory)[1:]
    return [(role, text.strip()) for role, text in zip(pieces[::2], pieces[1::2], strict=True)]


def describe_choice(said: str) -> list[str]:
    """Describe the kind of problem the agent assumed, its decision and the lesson it named."""
    kind = re.search(r"This is (an? .+? problem)\b", said)
    approach = re.search(r"\bI will (.+?)\.(?=\s|$)", said)
    lesson = re.search(r"\[(G\d+)\]", said)
    steps = [f"Took it for {kind[1]}." if kind else "Did not say what kind of problem it is."]
    steps.append(f"Approach: {approach[1]}." if approach else "Named no approach.")
    return steps + ([f"Followed lesson [{lesson[1]}]."] if lesson else [])


def describe_tools(record: list[tuple[str, str]]) -> list[str]:
    """Describe which tools were called, and their results."""
    steps = []
    for role, text in record:
        if role == "tool call":
            steps.append(f"Called {shorten(text)}")
        if role == "tool result":
            steps.append(f"Got back: {shorten(text)}")
    return steps


def describe_outcome(said: str, prompt: str) -> str:
    """Describe the final answer, and the grade if one is shown."""
    boxes: list[str] = re.findall(r"\\boxed\{([^{}]*)\}", said)
    answer = f"final answer {boxes[-1]}" if boxes else "no final answer"
    grade = next((attributes for attributes, _ in read_blocks("grade", prompt)), {})
    verdict = grade.get("verdict") or grade.get("reward")
    shown = f", graded {verdict}" if verdict else ""
    return f"Outcome: {answer}{shown}; it hung on the choice of approach."


def shorten(text: str, most: int = 90) -> str:
    """Keep the start of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]} …"
