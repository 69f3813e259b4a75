r"""LaTeX in JSON, with its backslashes doubled and not."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from training_free_grpo.models import Endpoint
from training_free_grpo.models.json_text import restore_value
from training_free_grpo.models.structured import parse_json
from training_free_grpo.models.written_calls import read_written_calls
from training_free_grpo.settings import Settings

COMMANDS = re.findall(
    r"\S+",
    r"""
\alpha \approx \bar \begin \beta \bigcup \binom \boxed \bullet \cdot \delta \dfrac \equiv
\forall \frac \frown \gcd \geq \implies \infty \int \ldots \left \leq \mathbb \mu \nabla \ne
\nearrow \neg \neq \nexists \nleq \nmid \not \notin \nu \nsubseteq \overline \phi \pi \prod
\quad \rangle \rceil \rfloor \rho \right \rightarrow \sqrt \sum \tan \tau \text \textbf \tfrac
\theta \therefore \tilde \times \to \triangle \underline \uparrow \upsilon \varnothing \wedge
\xi \zeta \( \) \[ \] \{ \} \,
""",
)
OPERANDS = ["x", "2", "{y}", "_1", "n", r"\{1\}", "^2", "0"]
WORDS = ["Check", "whether", "each", "case", "holds"]
PROSE = st.lists(st.sampled_from(WORDS), min_size=1)
FORMULA = st.lists(st.tuples(st.sampled_from(COMMANDS), st.sampled_from(OPERANDS)), min_size=1)
STEADY = settings(deadline=None, derandomize=True, database=None)
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]))
BREAKS = ["\n", "\n\n", "\t", "\n- ", "\n1. ", "\n\t"]
NEXT = re.findall(
    r"\S+",
    """
use then next note now test take try total when what rest first Title 3 名 new number
""",
)


def undoubled(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\\\\", "\\")


@STEADY
@given(PROSE, FORMULA)
def test_latex_is_the_same_whether_its_backslashes_were_doubled_or_not(
    prose: list[str], formula: list[tuple[str, str]]
) -> None:
    shown = " ".join(f"{command} {operand}" for command, operand in formula)
    content = {"content": f"{' '.join(prose)} {shown} so"}
    assert parse_json(json.dumps(content)) == content
    assert parse_json(undoubled(content)) == content


@STEADY
@given(st.sampled_from(COMMANDS), st.sampled_from(COMMANDS), st.sampled_from("$({= +^"))
def test_commands_in_a_formula_may_touch_what_is_around_them(
    one: str, other: str, before: str
) -> None:
    content = {"content": f"so ${before}{one}{{a}}{other} x$ holds"}
    assert parse_json(undoubled(content)) == content


@STEADY
@given(st.lists(st.tuples(st.sampled_from(BREAKS), st.sampled_from(NEXT)), min_size=1))
def test_real_line_breaks_and_tabs_stay(lines: list[tuple[str, str]]) -> None:
    content = {"content": "First:" + "".join(gap + word for gap, word in lines)}
    assert parse_json(json.dumps(content)) == content
    assert restore_value(content) == content


@STEADY
@given(st.dictionaries(TEXT, TEXT))
def test_whatever_was_written_properly_is_read_as_it_is(content: dict[str, str]) -> None:
    assert parse_json(json.dumps({"a": content})) == {"a": content}
    assert restore_value(content) == content


@pytest.mark.parametrize(
    "code",
    [
        "x = 1\nu = 2\nprint(u)",
        "import sympy as sp\neq = sp.Eq(x, 1)\nne = 3",
        "for i in r:\n\tif i:\n\t\treturn i\ni += 1",
        "mid = 0\nmid = (lo + hi) // 2\ni[0] = 1",
        "def f(x):\n\ttotal = x\n\ttry:\n\t\tpass",
        "a\tb\n1\t2",
        'print("one")\nnu.append(1)\ne',
    ],
)
def test_line_breaks_of_code_stay(code: str) -> None:
    assert parse_json(json.dumps({"code": code})) == {"code": code}
    assert restore_value({"code": code}) == {"code": code}


@pytest.mark.parametrize(
    "latex",
    [
        r"E = h\nu",
        r"x\neq 0 and a\ne b",
        r"frequency $\nu = 3$, \(\nexists x\)",
        r"\begin{cases} x & y \\ 0 & 1 \\ -1 & 2 \end{cases}",
        r"3 \times 4, n\to\infty",
        r"\boxed{\frac{1}{2}}",
        r"A \not= B",
    ],
)
def test_single_backslashes_of_formulas_come_back(latex: str) -> None:
    assert parse_json(undoubled({"content": latex})) == {"content": latex}


def test_a_value_that_was_decoded_gets_its_backslashes_back() -> None:
    written = r"so \frac{1}{2} \neq \theta, \(\nu\) and \boxed{3} \times 2 \right) \sin x"
    lost = json.loads(
        undoubled(written).replace(r"\(", r"\\(").replace(r"\)", r"\\)").replace(r"\s", r"\\s")
    )
    assert lost != written
    assert restore_value({"a": [lost, 3, None]}) == {"a": [written, 3, None]}


SAID = r"so \frac{1}{2} \neq \theta"


@pytest.fixture
def server() -> Iterator[str]:
    """Serve one tool call in which no backslash is doubled."""
    function = {"name": "note", "arguments": undoubled({"text": SAID, "code": "a\nb"})}
    message = {"role": "assistant", "tool_calls": [{"id": "1", "function": function}]}
    answer = {"choices": [{"message": message, "finish_reason": "tool_calls"}]}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


async def test_the_arguments_of_a_tool_call_keep_their_latex_and_their_line_breaks(
    server: str,
) -> None:
    endpoint = Endpoint(Settings(model="openai:m", base_url=server), "openai:m", server)
    answer = await endpoint.call([HumanMessage("Note it.")], role="rollout")
    assert answer.tool_calls[0]["args"] == {"text": SAID, "code": "a\nb"}


def test_a_tool_call_that_is_written_as_text_keeps_its_latex() -> None:
    call = undoubled({"name": "note", "arguments": {"text": SAID + r" \alpha"}})
    answer = read_written_calls(AIMessage(f"<tool_call>{call}</tool_call>"), ["note"])
    assert answer.tool_calls[0]["args"] == {"text": SAID + r" \alpha"}
