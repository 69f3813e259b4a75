"""What equals what: one table for each class of answers, right above wrong."""

import pytest

from training_free_grpo.graders import grade_math
from training_free_grpo.graders.math import MathPolicy

pytestmark = pytest.mark.process  # formulas are compared in the sandbox


def verdict(answer: str, gold: str, policy: MathPolicy | None = None) -> str:
    return grade_math(rf"\boxed{{{answer}}}", gold, policy=policy or MathPolicy())["verdict"]


NUMBERS = [
    ("60.", "60", "right"),
    ("625,000", "625000", "right"),
    (r"0.\overline{45}", "5/11", "right"),
    ("12,75", "12.75", "right"),
    ("1,234", "1.234", "wrong"),
    ("3.141592653589793", r"\pi", "right"),
    ("3.1416", r"\pi", "wrong"),
    ("1.3333", "4/3", "wrong"),
    ("100000000000000000001", "100000000000000000000", "wrong"),
    (r"\sqrt[3]{-8}", "-2", "right"),
    ("7, 8", "7", "wrong"),
    ("5 million", "5", "wrong"),
    ("3 halves", "3", "wrong"),
]
CONSTANTS = [
    (r"1-\frac{1}{e}", r"1-1/\mathrm{e}", "right"),
    (r"1+1/\mathrm{e}", r"1-1/\mathrm{e}", "wrong"),
    (r"2\mathrm{e}", "2", "wrong"),
    (r"e^{i\pi}", "-1", "right"),
    ("2-3i", "-3i+2", "right"),
    ("2-3i", "2+3i", "wrong"),
    (r"\cos 60^\circ", "1/2", "right"),
]
SMALL_AND_LARGE = [
    (r"\frac{1}{3^{60}}", r"\frac{1}{3^{61}}", "wrong"),
    ("1/1500!", "1/1501!", "wrong"),
    ("1501/1501!", "1/1500!", "right"),
    ("2^{1000}", "4^{500}", "right"),
    ("2^{1000}+1", "2^{1000}", "wrong"),
    ("10^{-30}", "0", "wrong"),
    ("e^{-90}", "e^{-91}", "wrong"),
]
UNITS = [
    ("5 cm", "5", "right"),
    ("5", r"5\text{ cm}", "right"),
    ("5 cm", "5 m", "wrong"),
    ("500 cm", "5 m", "right"),
    (r"36\text{ km/h}", "10 m/s", "right"),
    ("60 mph", "60 km/h", "wrong"),
    (r"16\mbox{cm}^2", r"16\text{ square centimeters}", "right"),
    (r"16\text{ cm}^2", r"16\text{ cm}^3", "wrong"),
    ("1000 cm^3", "1 liter", "right"),
    ("48g", "48", "wrong"),
    ("48g", r"48\text{ g}", "right"),
    ("$10", "10 cents", "wrong"),
    ("$0.10", "10 cents", "right"),
    ("€5", "$5", "wrong"),
    ("4:30 p.m.", "4:30 a.m.", "wrong"),
    (r"2\pi\text{ cm}", r"2\pi", "right"),
    ("5 oranges", "5 apples", "right"),
    ("201_3", "201", "right"),
    ("201_3", "201_4", "wrong"),
    ("40%", "40 m", "wrong"),
    (r"25^\circ\text{C}", "25", "right"),
    (r"6\text{ units}^2", "6", "right"),
    ("1:6", "1:2:3", "wrong"),
    ("6:4", "3:2", "right"),
    ("2:4:6", "1:2:3", "right"),
]
NAMES = [
    ("t = 1.5", "3/2", "right"),
    ("x = 3", "y = 3", "wrong"),
    ("3x = 9", "9", "wrong"),
    (r"\angle A = 30^\circ", "30", "right"),
    ("x = 4 + 5 = 9", "x = 9", "right"),
    ("(x, y) = (3, 4)", "(3, 4)", "right"),
    ("x = 3, y = 4", "(3, 4)", "right"),
    ("y = 4, x = 3", "x = 3, y = 4", "right"),
    ("y = 3, x = 4", "x = 3, y = 4", "wrong"),
    (r"\sum_{i=1}^{4} i", "10", "right"),
]
OPTIONS = [
    ("(C)", r"\text{(C)}", "right"),
    ("(C) 12", "C", "right"),
    (r"\text{(c) } 12", "12", "right"),
    ("(C) 12", "13", "wrong"),
    ("(B)", "(C)", "wrong"),
]
LISTS = [
    ("3, 1, 2", "1, 2, 3", "right"),
    ("2 and 3", "3, 2", "right"),
    ("5, 3, 0", "5 3 0", "right"),
    ("3, 5, 0", "5 3 0", "wrong"),
    ("3, 5", "[3, 5]", "right"),
    ("5, 3", "[3, 5]", "wrong"),
    (r"\{2, 1\}", r"\{1, 2\}", "right"),
    ("(2, 1)", "(1, 2)", "wrong"),
    (r"1 \pm \sqrt{2}", r"1-\sqrt{2}, 1+\sqrt{2}", "right"),
    (r"\varnothing", r"\emptyset", "right"),
    ("1, 2", r"\emptyset", "wrong"),
    ("0", r"\emptyset", "wrong"),
]
INTERVALS = [
    ("(1, 2]", "(1, 2)", "wrong"),
    ("[1, 2]", r"1 \le x \le 2", "right"),
    ("x > 3", r"(3, \infty)", "right"),
    ("x >= 3", "x > 3", "wrong"),
    ("x < 3 or x > 5", r"(-\infty, 3) \cup (5, \infty)", "right"),
    (r"[-2, -1] \cup [1, 2]", r"1 \le |x| \le 2", "right"),
    (r"\mathbb{R}", r"(-\infty, \infty)", "right"),
]
MATRICES = [
    (
        r"\begin{bmatrix} 1 & 0 \\ 0.5 & 2 \end{bmatrix}",
        r"\begin{pmatrix}1&0\\\frac12&2\end{pmatrix}",
        "right",
    ),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&3\\2&4\end{pmatrix}", "wrong"),
    (r"2\begin{pmatrix} 1 \\ 3 \end{pmatrix}", r"\begin{pmatrix} 2 \\ 6 \end{pmatrix}", "right"),
]
EQUATIONS = [
    ("4x - 6y + 2 = 0", "2x - 3y + 1 = 0", "right"),
    ("20y - 36z = 0", "5x - 7y = 0", "wrong"),
    ("x - 2y = 0", "x + 2y = 0", "wrong"),
    ("y = 2x + 1", "2x - y + 1 = 0", "right"),
    ("xy = 6", "y = 6/x", "right"),
    ("-x - y > -3", "x + y < 3", "right"),
    ("x + y > 3", "x + y < 3", "wrong"),
]
FORMULAS = [
    (r"\sec^2 y", r"\tan^2(y) + 1", "right"),
    (r"\frac{n(n+1)}{2}", r"\sum_{k=1}^{n} k", "right"),
    (r"\cos(n\pi)", "(-1)^n", "right"),
    (r"\sqrt{x^2}", "|x|", "right"),
    (r"\sqrt{x^2}", "x", "wrong"),
    ("-6*u", "-6u", "right"),
    ("A/a", "1", "wrong"),
    ("n(n-1)!", "n!", "right"),
    (r"\int_0^1 x^2 dx", "1/3", "right"),
]
TEXTS = [
    (r"\text{east}", "East", "right"),
    ("west", r"\text{east}", "wrong"),
    ("BAC", "ABC", "wrong"),
    (r"\\frac{1}{2}", "0.5", "right"),
]


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        *(NUMBERS + CONSTANTS + SMALL_AND_LARGE + UNITS + NAMES + OPTIONS + LISTS),
        *(INTERVALS + MATRICES + EQUATIONS + FORMULAS + TEXTS),
    ],
)
def test_answers_are_right_or_wrong_by_their_meaning(answer: str, gold: str, expected: str) -> None:
    assert verdict(answer, gold) == expected


@pytest.mark.parametrize(("answer", "gold"), [("0=0", "x=x"), (r"x \equiv 3", "x+2")])
def test_what_cannot_be_read_or_decided_is_undecided(answer: str, gold: str) -> None:
    assert verdict(answer, gold) == "undecided"


def test_the_problem_tells_which_of_several_values_was_asked_for() -> None:
    response = r"\boxed{a = -1, w = -5}"
    assert grade_math(response, "-5", problem="Solve … for w.")["extracted"] == "-5"
    assert grade_math(response, "-5", problem="Solve … for w.")["verdict"] == "right"
    assert grade_math(response, "-1", problem="Solve … for w.")["verdict"] == "wrong"


def test_one_of_several_values_is_undecided_where_the_problem_does_not_say_which() -> None:
    response = r"\boxed{a = -1, w = -5}"
    assert grade_math(response, "-5", problem="Solve the system.")["verdict"] == "undecided"
    assert grade_math(response, "7", problem="Solve the system.")["verdict"] == "wrong"


@pytest.mark.parametrize(
    ("answer", "gold", "policy", "expected"),
    [
        ("1.333", "4/3", MathPolicy(decimals=1e-3), "right"),
        ("2.449", r"\sqrt{6}", MathPolicy(decimals=1e-3), "right"),
        ("2.6", r"\sqrt{6}", MathPolicy(decimals=1e-3), "wrong"),
        ("5", "5 cm", MathPolicy(units_required=True), "wrong"),
        ("20%", "20", MathPolicy(percent_as_number=False), "wrong"),
        ("20%", "0.2", MathPolicy(percent_as_number=False), "right"),
        ("2, 1", "1, 2", MathPolicy(ordered_lists=True), "wrong"),
        (r"\{2, 1\}", r"\{1, 2\}", MathPolicy(ordered_lists=True), "right"),
    ],
)
def test_a_policy_decides_where_usage_differs(
    answer: str, gold: str, policy: MathPolicy, expected: str
) -> None:
    assert verdict(answer, gold, policy) == expected
