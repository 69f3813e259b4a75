"""Compare the attempts of one group, and describe what separates the better from the worse.

The comparison reads summaries and rewards. It does not know any kind of problem or approach.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from training_free_grpo.records import Operation
from training_free_grpo.simulated.answers import answer, operation
from training_free_grpo.simulated.blocks import read_block, read_blocks, read_lessons, read_limit
from training_free_grpo.simulated.lessons import Lesson, alike, parse_all, same, same_kind, word


@dataclass(frozen=True)
class Attempt:
    """What a summary says about one attempt."""

    reward: float | None
    kind: str
    approach: str
    lesson: str
    answer: str


def extract_advantage(instructions: str, prompt: str) -> str:
    """Propose edits of the library from the attempts in the prompt."""
    library = read_lessons(read_block("library", prompt))
    attempts = [read_attempt(*block) for block in read_blocks("attempt", prompt)]
    better, worse = part(attempts)
    max_words = read_limit(instructions, r"(\d+) words at most", 32)
    finding = find_difference(better, worse)
    operations = propose(finding, library, better, worse, max_words)
    if not finding:
        return answer("No decision separates the better attempts from the worse.", operations)
    contrast = f"The better attempts chose to {finding.advice}, the worse to {finding.against}."
    return answer(contrast, operations[: read_limit(instructions, r"At most (\d+)\.", 2)])


def read_attempt(attributes: dict[str, str], summary: str) -> Attempt:
    """Read the summary of one attempt."""

    def find(pattern: str) -> str:
        found = re.search(pattern, summary, re.MULTILINE)
        return found[1] if found else ""

    # A missing attempt may be shown with the reward "None".
    reward = re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", attributes.get("reward", ""))
    return Attempt(
        reward=float(reward[0]) if reward else None,
        kind=find(r"Took it for an? (.+?) problem\b"),
        approach=find(r"Approach: (.+?)\.$"),
        lesson=find(r"Followed lesson \[(G\d+)\]"),
        answer=find(r"final answer ([^,;\n]+)"),
    )


def part(attempts: Sequence[Attempt]) -> tuple[list[Attempt], list[Attempt]]:
    """Split the attempts at their mean reward; without them, the majority answer counts as true."""
    if not any(attempt.reward is not None for attempt in attempts):
        attempts = vote(attempts)
    rewarded = [(a.reward, a) for a in attempts if a.reward is not None]
    mean = sum(reward for reward, _ in rewarded) / max(len(rewarded), 1)
    better = [a for reward, a in rewarded if reward > mean]
    return better, [a for reward, a in rewarded if reward < mean]


def vote(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Reward the answer that most attempts agree on; a tie rewards none."""
    votes = Counter(a.answer for a in attempts if a.answer).most_common(2)
    if not votes or (len(votes) == 2 and votes[0][1] == votes[1][1]):
        return list(attempts)
    return [replace(a, reward=float(a.answer == votes[0][0])) for a in attempts]


def find_difference(better: Sequence[Attempt], worse: Sequence[Attempt]) -> Lesson | None:
    """Find the approach that all better attempts share and no worse one uses.

    In groups of four and more, a single attempt on one side is attributed to chance.
    """
    fewest = 2 if len(better) + len(worse) >= 4 else 1
    if min(len(better), len(worse)) < fewest:
        return None
    kind, won = better[0].kind, better[0].approach
    lost = Counter(a.approach for a in worse if a.approach).most_common(1)
    if not (kind and won and lost and all(a.approach == won for a in better)):
        return None
    if any(alike(a.approach, won) for a in worse):
        return None
    return Lesson(kind, won, lost[0][0])


def propose(
    finding: Lesson | None,
    library: dict[str, str],
    better: Sequence[Attempt],
    worse: Sequence[Attempt],
    max_words: int,
) -> list[Operation]:
    """Turn the finding into an edit of a misleading lesson, or else into a new lesson."""
    misled = find_misleading(library, better, worse)
    if not finding:
        why = "Most attempts that followed it did worse."
        return [operation("delete", [misled], "", why)] if misled else []
    known = [(key, lesson) for key, lesson in parse_all(library) if same_kind(lesson, finding)]
    wrong = [key for key, lesson in known if alike(lesson.advice, finding.against)]
    content, why = word(finding, max_words), "It separates the better attempts from the worse."
    if any(same(lesson, finding) for _, lesson in known):
        why = "It recommends what the worse attempts did, and the library knows better."
        return [operation("delete", [key], "", why) for key in wrong]
    if target := misled or next(iter(wrong), ""):
        return [operation("update", [target], content, why)]
    return [operation("add", [], content, why)]


def find_misleading(
    library: dict[str, str], better: Sequence[Attempt], worse: Sequence[Attempt]
) -> str:
    """Find a lesson that at least two worse attempts followed, and fewer of the better ones."""
    lost, won = Counter(a.lesson for a in worse), Counter(a.lesson for a in better)
    return next((key for key in library if lost[key] >= 2 and lost[key] > won[key]), "")
