"""Transcripts as the report shows them."""

from training_free_grpo.records import JSON
from training_free_grpo.report.transcript import fair_share, show_messages

CALL = {"function": {"name": "run_python", "arguments": '{"code": "print(1)"}'}}


def test_each_speaker_and_each_call_of_a_tool_is_told() -> None:
    transcript: list[JSON] = [
        {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL]},
        {"role": "tool", "name": "run_python", "content": "1"},
        {"role": "assistant", "content": [{"type": "text", "text": "So 1."}]},
    ]
    assert show_messages(transcript, 1000) == [
        ("assistant", "Let me see."),
        ("calls run_python", '{"code": "print(1)"}'),
        ("run_python answers", "1"),
        ("assistant", "So 1."),
    ]


def test_long_messages_are_cut_and_short_ones_stay_whole() -> None:
    transcript = [{"role": "tool", "content": "x" * 9000}, {"role": "assistant", "content": "Ah."}]
    page, answer = show_messages(transcript, 1000)
    assert "tokens were cut here" in page.text
    assert len(page.text) < 1100
    assert answer.text == "Ah."


def test_shares_fill_what_there_is() -> None:
    assert fair_share([10, 10, 100, 100], 120) == 50
    assert fair_share([10, 10], 120) == 120
    assert fair_share([], 120) == 120
