from typing import Any

import pytest

from training_free_grpo.records import JSON
from training_free_grpo.transcripts import cut


def say(role: str, content: Any, **more: Any) -> JSON:
    return {"role": role, "content": content, **more}


def test_a_short_transcript_is_written_out_whole() -> None:
    call = {"function": {"name": "run_python", "arguments": '{"code": "print(6*7)"}'}}
    transcript = [
        say("user", "6 · 7?"),
        say("assistant", "", tool_calls=[call]),
        say("tool", "42"),
        say("assistant", [{"type": "text", "text": "So \\boxed{42}."}, {"type": "image_url"}]),
    ]
    assert cut(transcript, 200).splitlines() == [
        "[user] 6 · 7?",
        '[tool call] run_python {"code": "print(6*7)"}',
        "[tool result] 42",
        "[assistant] So \\boxed{42}.",
        "[image_url]",
    ]


@pytest.mark.parametrize("tokens", [200, 1000, 6000])
def test_a_long_transcript_keeps_head_and_tail_within_its_budget(tokens: int) -> None:
    steps = [say("assistant", f"step {n}: " + "x" * 90) for n in range(2000)]
    transcript = [say("user", "THE QUESTION"), *steps, say("assistant", "THE ANSWER")]
    shown = cut(transcript, tokens)
    head, note, tail = shown.partition("\n[… about ")
    gone, _, tail = tail.partition(" tokens were cut here …]\n")
    assert note
    assert head.startswith("[user] THE QUESTION")
    assert tail.endswith("THE ANSWER")
    assert len(head) + len(tail) <= tokens * 4
    whole = len(cut(transcript, 10**6)) // 4
    assert abs(int(gone) + tokens - whole) <= 1


def test_one_huge_page_does_not_push_out_the_decisions_around_it() -> None:
    transcript = [
        say("user", "THE QUESTION"),
        say("assistant", "FIRST I search."),
        say("tool", "page " * 100_000 + "END OF PAGE"),
        say("assistant", "SECOND I compute."),
        say("assistant", "THE ANSWER"),
    ]
    shown = cut(transcript, 400)
    parts = ("THE QUESTION", "FIRST I search.", "END OF PAGE", "SECOND I compute.", "THE ANSWER")
    assert all(part in shown for part in parts)
    assert "tokens were cut here" in shown
    assert len(shown) < 1600


@pytest.mark.parametrize("content", [None, "", []])
def test_an_empty_message_takes_no_line(content: Any) -> None:
    assert cut([say("assistant", content), say("user", "hello")], 200) == "[user] hello"
