"""Logs of Inspect (the extra `inspect`): each sample becomes the line of a rollout."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training_free_grpo.arguments import map_field
from training_free_grpo.datasets.errors import DatasetError, RowError
from training_free_grpo.records import JSON
from training_free_grpo.traces.messages import UNREAD

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessage
    from inspect_ai.scorer import Score

_HEAD = 4096


def is_inspect_log(file: Path) -> bool:
    """Return whether a file is an Inspect log, in either of its two formats, rather than rows."""
    if file.suffix != ".json":
        return file.suffix == ".eval"
    try:
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
    except OSError:
        return False
    return b'"eval"' in head and b'"status"' in head


def load_inspect_log(file: Path, one_score: bool) -> Iterator[Any]:
    """Read the samples of a log; with `one_score`, one with several scores is a RowError."""
    try:
        from inspect_ai.log import read_eval_log
    except ImportError:
        raise DatasetError(
            f"{file} is a log of Inspect: pip install 'training-free-grpo[inspect]' to read it"
        ) from None
    try:
        log = read_eval_log(file, resolve_attachments=True)
    except Exception as error:
        raise DatasetError(f"cannot read the Inspect log {file}: {error}") from error
    for sample in log.samples or []:
        scores = sample.scores or {}
        if one_score and len(scores) > 1:
            one = map_field("reward", "scores.NAME")
            yield RowError(f"scores {', '.join(scores)}: take one with {one}")
        else:
            yield read_sample(sample, scores)


def read_sample(sample: "EvalSample", scores: "dict[str, Score]") -> JSON:
    """Turn a sample into a rollout's line, with the question as it was asked if it has choices."""
    plain = isinstance(sample.input, str) and not sample.choices
    graded = next(iter(scores.values())) if len(scores) == 1 else None
    return {
        "problem_id": str(sample.id),
        "attempt": sample.epoch,
        "problem": sample.input if plain else None,
        "answers": sample.target,
        "messages": [read_message(message) for message in sample.messages],
        "answer": sample.output.completion,
        "seconds": sample.total_time,
        "missing": sample.error and sample.error.message,
        "scores": {name: score.value for name, score in scores.items()},
        "reward": graded and graded.value,
        "extracted": graded and graded.answer,
        "critique": graded and graded.explanation,
    }


def read_message(message: "ChatMessage") -> JSON:
    """Convert a message to the form of chat completions."""
    found: JSON = {"role": message.role, "content": message.text}
    if others := {part.type for part in message.content if not isinstance(part, str)} - {"text"}:
        found[UNREAD] = sorted(others)
    if message.role == "tool":
        found |= {"tool_call_id": message.tool_call_id or "", "name": message.function}
    if message.role == "assistant" and message.tool_calls:
        found["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function, "arguments": json.dumps(call.arguments)},
            }
            for call in message.tool_calls
        ]
    return found
