"""How the report writes what others wrote."""

from training_free_grpo.report.wording import show_controls


def test_characters_that_cannot_be_seen_or_turn_the_text_are_written_out() -> None:
    assert show_controls("a\x00b\x1b\x7f\x85") == "a␀b␛␡⟨U+0085⟩"
    assert show_controls("\u202egpj.exe\u2066") == "⟨U+202E⟩gpj.exe⟨U+2066⟩"


def test_lines_tabs_and_every_script_stay_as_they_are() -> None:
    assert show_controls("a\r\n\tb\n") == "a\n\tb\n"
    assert show_controls("שלום 日本 🙂 e\u0301") == "שלום 日本 🙂 e\u0301"
