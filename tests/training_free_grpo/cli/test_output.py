"""What a command prints of texts that others wrote: nothing in them steers the terminal."""

import json
from io import StringIO
from typing import Any

import pytest
from rich.live import Live
from rich.table import Table

from training_free_grpo.cli.output import PlainConsole, plural, print_json

HOSTILE = "before\x1b[2K\x1b]52;c;aGk=\x07 \x9b8m \u202eafter"
SHOWN = r"before\x1b[2K\x1b]52;c;aGk= \x9b8m \u202eafter"
"""A bell is left out by rich itself."""


def new_console(**options: Any) -> tuple[PlainConsole, StringIO]:
    """Make a console, and the text that it prints to."""
    printed = StringIO()
    return PlainConsole(file=printed, **options), printed


def test_controls_in_a_text_are_shown_as_their_codes() -> None:
    console, printed = new_console()
    console.print(HOSTILE)
    assert printed.getvalue() == f"{SHOWN}\n"


def test_controls_in_a_table_are_shown_as_their_codes() -> None:
    console, printed = new_console()
    table = Table.grid()
    table.add_row(HOSTILE)
    console.print(table)
    assert r"before\x1b[2K\x1b]52" in printed.getvalue()


def test_lines_tabs_and_scripts_stay_as_they_are() -> None:
    console, printed = new_console()
    text = "one\ntwo \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f469\u200d\U0001f52c"
    console.print(text)
    assert printed.getvalue() == f"{text}\n"


def test_our_own_colours_and_displays_still_steer_the_terminal() -> None:
    console, printed = new_console(force_terminal=True, color_system="standard")
    with Live(HOSTILE, console=console):
        console.print("red", style="red")
    assert "\x1b[31mred\x1b[0m" in printed.getvalue()
    assert "\x1b[?25l" in printed.getvalue()
    assert SHOWN in printed.getvalue()
    assert "\x1b]52" not in printed.getvalue()


def test_json_means_the_same_and_holds_no_control(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"lesson": HOSTILE})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"lesson": HOSTILE}
    assert printed.rstrip("\n").isprintable()


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 lessons"), (1, "1 lesson"), (2, "2 lessons"), (1200, "1,200 lessons")],
)
def test_one_is_not_many(count: int, said: str) -> None:
    assert plural(count, "lesson") == said
