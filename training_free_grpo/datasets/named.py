"""The data sets of the field, by the names that everybody calls them by."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from training_free_grpo.datasets.errors import RowError
from training_free_grpo.datasets.rows import Clean

_DAPO_FIRST = "Solve the following math problem step by step."
_DAPO_LAST = "Remember to put your answer on its own line"


@dataclass(frozen=True)
class NamedSet:
    """Where a data set is found, and how it is usually measured."""

    hub: str
    """On Hugging Face, as owner/name:split or owner/name:config:split."""
    file: str = ""
    """In the folder of local copies, in the fields that every file may have."""
    grader: str = "math"
    tools: str = ""
    """What an agent needs to have a chance, in the form of the setting `tools`."""
    attempts: int = 1
    """The k of mean@k that results are published with."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    clean: Clean | None = None
    sample: int | None = None
    """How many of its problems are drawn."""
    strata: Mapping[str, int] = field(default_factory=dict)
    """How many are drawn of each difficulty."""


def answer_after_marks(text: str, answers: list[str]) -> tuple[str, list[str]]:
    """Take the answer out of a solution of GSM8K, where it follows `####`."""
    return text, [answer.rpartition("####")[2].strip() for answer in answers]


def problem_alone(text: str, answers: list[str]) -> tuple[str, list[str]]:
    """Take DAPO's instructions off, the first and the last paragraph."""
    paragraphs = text.split("\n\n")
    if paragraphs[0].startswith(_DAPO_FIRST):
        del paragraphs[0]
    if paragraphs and paragraphs[-1].startswith(_DAPO_LAST):
        del paragraphs[-1]
    return "\n\n".join(paragraphs), answers


def one_answer(text: str, answers: list[str]) -> tuple[str, list[str]]:
    """Refuse a row with several answers: AFM does not tell aliases from parts of a list."""
    if len(answers) != 1:
        raise RowError("not exactly one answer")
    return text, answers


def flashrag(place: str, file: str) -> NamedSet:
    """Describe one of the question sets that FlashRAG gathers in one form."""
    return NamedSet(f"RUC-NLPIR/FlashRAG_datasets:{place}", file, "qa", "search,pages")


NAMED = {
    "aime24": NamedSet(
        "HuggingFaceH4/aime_2024:train", "aime24.jsonl", "math", "python", attempts=32
    ),
    "aime25": NamedSet("math-ai/aime25:test", "aime25.jsonl", "math", "python", attempts=32),
    "gsm8k": NamedSet(
        "openai/gsm8k:main:test", "gsm8k_test.jsonl", "math", "python", clean=answer_after_marks
    ),
    "math500": NamedSet(
        "HuggingFaceH4/MATH-500:test",
        "math500.jsonl",
        "math",
        "python",
        mapping={"id": "unique_id"},
    ),
    "minerva": NamedSet("math-ai/minervamath:test", "minerva_math.jsonl", "math", "python"),
    "dapo": NamedSet(
        "BytedTsinghua-SIA/DAPO-Math-17k:train",
        "dapo.jsonl",
        "math",
        "python",
        mapping={"problem": "prompt.0.content", "answer": "reward_model.ground_truth"},
        clean=problem_alone,
    ),
    "hotpotqa": flashrag("hotpotqa:dev", "hotpotqa.jsonl"),
    "2wiki": flashrag("2wikimultihopqa:dev", "2wiki.jsonl"),
    "triviaqa": flashrag("triviaqa:test", "triviaqa.jsonl"),
    "popqa": flashrag("popqa:test", "popqa.jsonl"),
    "bamboogle": flashrag("bamboogle:test", "bamboogle.jsonl"),
    "webwalkerqa": NamedSet(
        "callanwu/WebWalkerQA:main", "webwalkerqa.jsonl", "judge", "search,pages"
    ),
    "afm": NamedSet(
        "PersonalAILab/AFM-WebAgent-RL-Dataset:train",
        "afm.jsonl",
        "judge",
        "search,pages",
        mapping={"problem": "extra_info.question", "answer": "extra_info.answer"},
        clean=one_answer,
    ),
}
# By these names the paper's sets are drawn. It does not say which problems it drew; nobody knows.
NAMED |= {
    "dapo-100": replace(NAMED["dapo"], sample=100),
    "afm-100": replace(NAMED["afm"], sample=100),
    "webwalkerqa-51": replace(
        NAMED["webwalkerqa"], attempts=3, strata={"easy": 12, "medium": 21, "hard": 18}
    ),
}
