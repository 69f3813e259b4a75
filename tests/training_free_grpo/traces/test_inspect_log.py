"""Logs of Inspect: real ones, written by Inspect itself."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from training_free_grpo.datasets import DatasetError
from training_free_grpo.traces import load_traces

pytest.importorskip("inspect_ai", reason="the extra `inspect` is not installed")


def write_log(file: Path, scorers: tuple[str, ...] = ("match",)) -> Path:
    """Write a log of two samples, each attempted twice; the last attempt ended in an error."""
    from inspect_ai.log import (
        EvalConfig,
        EvalDataset,
        EvalError,
        EvalLog,
        EvalSample,
        EvalSpec,
        write_eval_log,
    )
    from inspect_ai.model import (
        ChatMessageAssistant,
        ChatMessageSystem,
        ChatMessageTool,
        ChatMessageUser,
        ModelOutput,
    )
    from inspect_ai.scorer import Score
    from inspect_ai.tool import ToolCall

    samples = []
    for id, epoch, said in (("tea", 1, "plant"), ("tea", 2, "mug"), ("milk", 1, "cow")):
        call = ToolCall(id="c1", function="look_up", arguments={"word": id})
        value = "C" if said != "mug" else "I"
        scores = {name: Score(value=value, answer=said, explanation="So.") for name in scorers}
        samples.append(
            EvalSample(
                id=id,
                epoch=epoch,
                input=f"Where is {id} from?",
                target="plant" if id == "tea" else ["cow", "goat"],
                messages=[
                    ChatMessageSystem(content="Be brief."),
                    ChatMessageUser(content=f"Answer: where is {id} from?"),
                    ChatMessageAssistant(content="", tool_calls=[call]),
                    ChatMessageTool(content="found", tool_call_id="c1", function="look_up"),
                    ChatMessageAssistant(content=said),
                ],
                output=ModelOutput.from_content("model", said),
                scores=scores,
            )
        )
    lost = samples[-1].model_copy(update={"epoch": 2})
    lost.error = EvalError(message="outage", traceback="", traceback_ansi="")
    spec = EvalSpec(
        created="2025-01-01T00:00:00+00:00",
        task="t",
        dataset=EvalDataset(),
        model="model",
        config=EvalConfig(),
    )
    write_eval_log(EvalLog(eval=spec, status="success", samples=[*samples, lost]), file)
    return file


@pytest.fixture(params=["log.eval", "log.json"])
def log(request: Any, tmp_path: Path) -> Path:
    return write_log(tmp_path / request.param)


def test_samples_are_attempts_with_their_scores(log: Path) -> None:
    traces, (note,) = load_traces([log])
    assert {p["id"]: (p["problem"], p["answers"]) for p in traces.problems} == {
        "tea": ("Where is tea from?", ["plant"]),
        "milk": ("Where is milk from?", ["cow", "goat"]),
    }
    rewards = {id: [t.grade["reward"] for t in group] for id, group in traces.attempts.items()}
    assert rewards == {"tea": [1.0, 0.0], "milk": [1.0]}
    assert "no answer is recorded" in note


def test_score_keeps_what_it_was_given_for(log: Path) -> None:
    grade = load_traces([log])[0].attempts["tea"][1].grade
    assert grade == {"reward": 0.0, "extracted": "mug", "critique": "So."}


def test_tool_calls_are_kept(log: Path) -> None:
    asked, found, answer = load_traces([log])[0].attempts["tea"][0].messages
    assert isinstance(asked, AIMessage)
    assert [(c["name"], c["args"]) for c in asked.tool_calls] == [("look_up", {"word": "tea"})]
    assert [found.text, answer.text] == ["found", "plant"]


def test_of_several_scores_one_is_to_be_named(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.eval", ("match", "model_graded"))
    with pytest.raises(DatasetError, match=r"scores match, model_graded: take one with mapping="):
        load_traces([log])
    traces, _ = load_traces([log], mapping={"reward": "scores.model_graded"})
    assert [t.grade for t in traces.attempts["tea"]] == [1.0, 0.0]


def test_scores_do_not_count_where_all_is_graded_again(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.eval", ("match", "model_graded"))
    traces, _ = load_traces([log], graded=False)
    assert [t.grade for t in traces.attempts["tea"]] == [None, None]


def test_damaged_log_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.eval").write_bytes(b"PK nothing")
    with pytest.raises(DatasetError, match=r"cannot read the Inspect log .*bad\.eval"):
        load_traces([tmp_path / "bad.eval"])


def test_unread_content_is_reported(tmp_path: Path) -> None:
    from inspect_ai.log import read_eval_log, write_eval_log
    from inspect_ai.model import ContentImage, ContentReasoning, ContentText

    file = write_log(tmp_path / "log.eval")
    log = read_eval_log(file)
    (sample, *_) = log.samples or []
    picture = ContentImage(image="data:image/png;base64,AAAA")
    sample.messages[1].content = [ContentText(text="Where from?"), picture]
    sample.messages[-1].content = [ContentReasoning(reasoning="Hm."), ContentText(text="plant")]
    write_eval_log(log, file)
    traces, notes = load_traces([file])
    assert sum("row 1: " in note and "not read" in note for note in notes) == 2
    assert traces.attempts["tea"][0].messages[-1].text == "plant"
