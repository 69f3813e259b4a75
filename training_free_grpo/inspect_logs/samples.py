"""An attempt as a sample of Inspect: the problem names the sample, the attempt is its epoch."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from training_free_grpo.inspect_logs.usage import read_usage, total
from training_free_grpo.records import JSON
from training_free_grpo.transcripts import write_out

if TYPE_CHECKING:
    from inspect_ai.event import Event
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessage
    from inspect_ai.scorer import Score

_FIGURES = ("verdict", "tool_calls", "lessons")


async def make_sample(
    row: JSON, group: JSON, scorer: str, model: str, models: Mapping[str, str], log_id: str
) -> "EvalSample":
    """Make a sample of a rollout's line and its group's; a missing rollout becomes an error.

    `model` made the attempt, and `models` were called by role.
    """
    from inspect_ai.log import EvalError, EvalSample
    from inspect_ai.model import ChatMessageUser, ModelOutput

    answers = row["answers"]
    roles = {role: read_usage(used) for role, used in row["usage"].items()}
    missing = row["missing"]
    question = ChatMessageUser(content=row["problem"])
    messages = [question, *await inspect_messages(row["messages"])]
    return EvalSample(
        id=row["problem_id"],
        epoch=row["attempt"] + 1,
        uuid=f"{log_id}-{row['id']}",
        input=row["problem"],
        target=answers[0] if len(answers) == 1 else answers,
        messages=messages,
        output=ModelOutput.from_content(model, row["answer"]),
        scores={scorer: make_score(row, group)} if row.get("reward") is not None else None,
        metadata={"rollout": row["id"]} | {key: row[key] for key in _FIGURES if key in row},
        events=[*tell_turns(messages, model), *tell(row, group)],
        model_usage=total((models[role], used) for role, used in roles.items()),
        role_usage=roles,
        total_time=row["seconds"],
        turn_count=row["turns"],
        error=EvalError(message=missing, traceback="", traceback_ansi="") if missing else None,
    )


async def inspect_messages(transcript: Sequence[JSON]) -> "list[ChatMessage]":
    """Convert a transcript to Inspect's messages; a message of unknown form becomes a text."""
    from inspect_ai.model import ChatMessageAssistant, messages_from_openai

    try:
        return await messages_from_openai([*transcript])  # type: ignore[list-item]
    except (ValueError, KeyError, TypeError):
        return [ChatMessageAssistant(content="\n".join(write_out(transcript)))]


def tell_turns(messages: "Sequence[ChatMessage]", model: str) -> "Iterator[Event]":
    """Report each turn as a model call, which is where Inspect looks for the messages."""
    from inspect_ai.event import ModelEvent
    from inspect_ai.model import ChatCompletionChoice, GenerateConfig, ModelOutput

    for place, message in enumerate(messages):
        if message.role == "assistant":
            yield ModelEvent(
                model=model,
                input=[*messages[:place]],
                tools=[],
                tool_choice="auto",
                config=GenerateConfig(),
                output=ModelOutput(model=model, choices=[ChatCompletionChoice(message=message)]),
            )


def make_score(row: JSON, group: JSON) -> "Score":
    """Return the reward and the grader's critique."""
    from inspect_ai.scorer import Score

    critique = group.get("critiques", {}).get(row["id"])
    return Score(value=row["reward"], answer=row["extracted"], explanation=critique)


def tell(row: JSON, group: JSON) -> "list[Event]":
    """Return the outcome of the attempt: its summary, and the comparison that it was part of."""
    from inspect_ai.event import InfoEvent

    events: list[Event] = []
    if summary := group.get("summaries", {}).get(row["id"]):
        events.append(InfoEvent(source="summarize", data=summary))
    if group.get("reasoning") or group.get("failure"):
        found = {key: group[key] for key in ("reasoning", "rejected", "failure")}
        found["operations"] = [proposal["operation"] for proposal in group["proposals"]]
        events.append(InfoEvent(source="extract_advantage", data=found))
    return events
