"""Find lessons that must not enter a library, without a model.

Each guard returns a reason that a model can act on. The model gets it once; a lesson that is still
wrong then is rejected, and counted under its reason.
"""

import calendar
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from training_free_grpo.learning.word_runs import COMMON, copied, plain, runs, tokens
from training_free_grpo.library import active_experiences
from training_free_grpo.prompts import CALLS, read_prompt
from training_free_grpo.records import Library, Problem

_PLACEHOLDER = re.compile(
    r"</?\w+/?>|\{\{.*?\}\}|(?<![\\\w\])])\[[a-z]{3,}(?: [a-z]+)*\]|(?:^|:)\s*(?:\.\.\.|…)$", re.I
)
_WORD = re.compile(r"\b[A-Z][a-z]+\b")
_NAME = re.compile(r"(?<=[^.:!?*\-] )[A-Z][a-z]+\b")
"""A capitalized word within a sentence."""
_CALENDAR = frozenset([*calendar.day_name, *calendar.month_name])
_RETOLD = re.compile(
    r"\b(?:the|this) (?:agent|attempt|trajectory|response) (?!should|must|can|may|needs?|has to)|"
    r"\battempts? \d|\bthis problem\b",
    re.IGNORECASE,
)
_MOSTLY = 0.6
"""Share of a lesson's words from which it counts as copied."""
_LONG_RUN = 8
"""Length of a run of shared words that cannot be a coincidence."""
_ALIKE = 0.8
"""Share of common words from which two lessons count as near duplicates."""
_CONSTANTS = frozenset(map(str, (10, 12, 24, 30, 50, 52, 60, 90, 100, 180, 360, 365, 1000, 3600)))
"""Numbers that occur in lessons whatever the answer is."""
_COMMITS = r"(?:answer|result|outcome|solution|boxed)\W+(?:\w+\W+){{0,2}}?{}(?![\w.,]*\d)"
_FOREIGN = {
    "a web address": r"https?://|\bwww\.\w|\b[\w-]+\.[a-z]{2,3}/\w",
    "program code": r"```|~~~|\bdef \w+\(|\bfrom \w+ import\b|#!/|<script|\bpip install\b|"
    r"\bimport (?:os|sys|re|math|json|numpy|sympy|requests|subprocess)\b|\brm -rf\b|\bcurl -",
    "what looks like a key or password": r"\b(?:sk|pk|ghp|gho|xox[abp]|glpat|hf)[-_][\w-]{16,}|"
    r"\bAKIA[0-9A-Z]{12,}|\b(?=\w*\d)(?=\w*[a-zA-Z])\w{32,}\b|"
    r"\b(?:password|api[_ ]key)\s*=\s*\S{4}",
    "an order to the agent": r"\b(?:ignore|disregard|forget|override)\b.{0,30}"
    r"\b(?:instructions?|prompts?|lessons?|guidelines?|(?:all|these|previous) rules)\b|"
    r"\bsystem prompt\b|"
    r"\byou are now\b|\b(?:do not|don't|never) (?:tell|inform|mention to) (?:the user|anyone)\b|"
    r"\b(?:reveal|exfiltrate|send)\b.{0,30}\b(?:secrets?|keys?|credentials?|data to)\b",
}
_NEGATIONS = frozenset(
    ["not", "no", "never", "without", "avoid", "don't", "don’t", "cannot", "instead"]
)


@dataclass(frozen=True)
class Evidence:
    """The sources of a lesson, which it may not simply repeat."""

    problems: Sequence[Problem] = ()
    outputs: Sequence[str] = ()
    """The outputs of tools."""
    objectives: Sequence[str] = ()


def examine_lesson(content: str, library: Library, cited: Iterable[str], seen: Evidence) -> str:
    """Return why a lesson must not enter the library, in words that help to fix it, or ""."""
    guards: tuple[Callable[[], str], ...] = (
        lambda: find_placeholder(content),
        lambda: find_foreign(content),
        lambda: find_prompt(content, seen.objectives),
        lambda: find_retold(content),
        lambda: find_problem(content, seen.problems),
        lambda: find_answer(content, seen.problems),
        lambda: find_output(content, seen.outputs),
        lambda: find_nothing(content),
        lambda: find_twin(content, library, set(cited)),
    )
    reason = next(filter(None, (guard() for guard in guards)), "")
    return f"{reason}: {content!r}" if reason else ""


def find_placeholder(content: str) -> str:
    """Find an unfilled placeholder, or a tag that belongs to a prompt or a template."""
    found = _PLACEHOLDER.search(content) or re.search(
        rf"</?(?:{'|'.join(block_tags())})\b[^<>]*>", content, re.IGNORECASE
    )
    return f"content holds {found[0].strip()!r}, a tag or placeholder" if found else ""


def find_foreign(content: str) -> str:
    """Find content that no lesson needs and an attacker might want in one."""
    for what, pattern in _FOREIGN.items():
        if re.search(pattern, content, re.IGNORECASE):
            return f"content holds {what}; a lesson says in plain words what to do"
    return ""


def find_retold(content: str) -> str:
    """Find a lesson that retells an attempt instead of giving advice."""
    if found := _RETOLD.search(content):
        return f"content retells an attempt ({found[0].strip()!r}); say what to do, and when"
    return ""


def find_prompt(content: str, objectives: Sequence[str]) -> str:
    """Find a lesson that repeats our own instructions."""
    own = [prompt_runs(name) for name in CALLS] + [runs(tokens(text), 3) for text in objectives]
    if copied(tokens(content), 3, own) >= _MOSTLY:
        return "content repeats the instructions; write what these attempts teach"
    return ""


def find_problem(content: str, problems: Iterable[Problem]) -> str:
    """Find a lesson that retells a problem."""
    said = tokens(content)
    for problem in problems:
        text = tokens(problem["problem"])
        if copied(said, 4, [runs(text, 4)]) >= _MOSTLY or copied(said, _LONG_RUN, [runs(text, 8)]):
            return "content repeats the problem; make it a rule for any problem of this kind"
        numbers = {word for word in said if word[0].isdigit() and is_telling(word)} & set(text)
        if len(numbers) > 1:
            listed = ", ".join(sorted(numbers))
            return f"content names numbers of the problem ({listed}); make it a rule without them"
        names = set(_NAME.findall(content)) & set(_WORD.findall(problem["problem"])) - _CALENDAR
        if named := sorted(name for name in names if name.casefold() not in COMMON):
            return f"content names {', '.join(named)} of the problem; make it a rule without names"
    return ""


def find_answer(content: str, problems: Iterable[Problem]) -> str:
    """Find a lesson that gives away an accepted answer."""
    for problem in problems:
        for answer in problem["answers"]:
            if tells(content, answer):
                return "content gives away the accepted answer; make it a rule without it"
    return ""


def find_output(content: str, outputs: Iterable[str]) -> str:
    """Find a lesson that copies the output of a tool: anyone can write a web page."""
    said = tokens(content)
    if any(copied(said, _LONG_RUN, [runs(tokens(text), _LONG_RUN)]) for text in outputs):
        return "content copies what a tool returned; say in your own words what to do"
    return ""


def find_nothing(content: str) -> str:
    """Find a lesson without a concrete step: all its words would fit any other lesson."""
    name, colon, rest = content.partition(":")
    title = telling_words(name) if colon else set()
    body = telling_words(rest if colon else name)
    if not body - title or len(body | title) < 2:
        return "content names no step to take; say when it applies and what exactly to do"
    return ""


def find_twin(content: str, library: Library, cited: set[str]) -> str:
    """Find a near duplicate of a lesson in the library."""
    new = set(tokens(content))
    for lesson in active_experiences(library):
        old = set(tokens(lesson["content"]))
        alike = len(new & old) >= _ALIKE * len(new | old) and not (new ^ old) & _NEGATIONS
        same_numbers = not any(word[0].isdigit() for word in new ^ old)
        if lesson["id"] not in cited and alike and same_numbers and new != old:
            return f"content says nearly the same as {lesson['id']}; update it, or merge the two"
    return ""


def tells(content: str, answer: str) -> bool:
    """Return whether a lesson gives away an answer by more than a common word or number."""
    wanted = tokens(answer)
    if not wanted:
        return False
    said, spelled = plain(content), r"\W{1,3}".join(map(re.escape, wanted))
    if re.search(_COMMITS.format(rf"\b{spelled}\b"), said):
        return True
    if len(wanted) == 1 and not is_telling(wanted[0]):
        return False
    return re.search(rf"(?<![\w.]){spelled}(?!\w|\.\d)", said) is not None


def is_telling(word: str) -> bool:
    """Return whether a word of an answer is too specific to occur in a lesson by chance."""
    if word[0].isdigit():
        return len(word) > 1 and word not in _CONSTANTS
    return len(word) > 3 and word not in COMMON


def telling_words(text: str) -> set[str]:
    """Return the words of a text that describe a kind of problem or a step."""
    return {word for word in tokens(text) if word not in COMMON and not word.isdigit()}


@cache
def block_tags() -> tuple[str, ...]:
    """Return the tags of the blocks that prompts are made of."""
    places = {
        place for name in CALLS for place in re.findall(r"\{\{ (\w+) \}\}", read_prompt(name))
    }
    named = {tag for name in CALLS for tag in re.findall(r"</?(\w+)>", read_prompt(name))}
    return tuple(sorted(places | named | {place.rstrip("s") for place in places} | {"think"}))


@cache
def prompt_runs(name: str) -> frozenset[tuple[str, ...]]:
    """Return the runs of three words in a prompt."""
    return runs(tokens(read_prompt(name)), 3)
