import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from training_free_grpo.graders import grade_math

pytestmark = pytest.mark.process  # formulas are compared in the sandbox

ROOT = Path(__file__).resolve().parents[3]


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("response", "extracted"),
    [
        (r"We get \boxed{4}, no: \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        ("Thinking about 7.\n<answer> 35 </answer>", "35"),
        (r"<answer>It is \boxed{35}</answer>", "35"),
        ("She has 3 + 32 = 35 apples.\n#### 35", "35"),
        ("The answer is 40 songs. #### 40", "40"),
        ("First 4 then 5.\nA: 15", "15"),
        ("**Answer:** 15", "15"),
        ("Final Answer: The final answer is $15$. I hope it is correct.", "15"),
        ("The answer is: \\[ \\frac{1}{3} \\]", r"\frac{1}{3}"),
        ("The answer is **42**.", "42"),
        ("Two tickets cost $5 and $10, together $15.", "$15"),
        (r"There were $\frac{36}{30}\times 100 = 120$ votes altogether.", "120"),
        ("The total will be **158 + LK**.", "158 + LK"),
        (r"It is \boxed{200}, plus interest. Final Answer: The final answer is $210$.", "210"),
        (
            r"The solution for \( k \) is \(\boxed{5}\) and for \( y \) is \(\boxed{-2}\).",
            "k = 5, y = -2",
        ),
        (r"Both give \boxed{\boxed{7}}.", "7"),
        ("So the value is\n\\[\n 9 \n\\]", "9"),
        ("Hence i = 45, which is option (b).\nThe answer is (b).", "45"),
        ("(a) 3 and (b) 7 remain, so the answer is \\boxed{(b)}", "7"),
        ("It is 5.", "5"),
        ("x = 3", "x = 3"),
        ("Evelyn", "Evelyn"),
        ("<think>9 or 10?</think>It is 7.", "7"),
    ],
)
def test_takes_the_final_answer_from_a_response(response: str, extracted: str) -> None:
    assert grade_math(response, "0")["extracted"] == extracted


@pytest.mark.parametrize(
    "response",
    [
        "",
        r"\boxed{}",
        r"\boxed{?}",
        "<answer></answer>",
        "<think>It may be 9",
        "Both digits could be 9.\n\nWithout more information, the sum cannot be determined.",
    ],
)
def test_a_response_without_an_answer_is_wrong_and_says_so(response: str) -> None:
    grade = grade_math(response, "9")
    assert (grade["reward"], grade["verdict"], grade["extracted"]) == (0.0, "wrong", "")
    assert grade["critique"] == "The response states no final answer."


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("1,234", "1234"),
        ("10000", "10{,}000"),
        (r"10,\!080", "10080"),
        ("$18.90", r"\$18.9"),
        (r"15\text{ cm}^2", r"15\mbox{ cm}^2"),
        ("5 apples", "5"),
        (r"\left( 3, \frac{\pi}{2} \right)", r"(3,\frac{\pi}{2})"),
        (r"90^\circ", "90"),
        ("20%", "20"),
        ("0.2", r"20\%"),
        ("x = 3", "3"),
        ("3", "x=3"),
        (r"\frac34", "0.75"),
        (r"1\frac{4}{5}", "9/5"),
        ("12 3/5", "12.6"),
        ("1/3", "1./3"),
        ("12 3 0", "12, 3, 0"),
        (r"(b) 0.3", "0.3"),
        (r"1.2 \times 10^{3}", "1200"),
        ("0.3333333333333333", "1/3"),
        ("0.30000000000000004", "0.3"),
        ("(B)", r"\text{(B)}"),
        ("evelyn", r"\text{Evelyn}"),
        ("625.", "625"),
    ],
)
def test_equal_values_are_right_without_algebra(answer: str, gold: str) -> None:
    grade = grade_math(rf"\boxed{{{answer}}}", gold)
    assert (grade["reward"], grade["verdict"]) == (1.0, "right")
    assert grade["method"] in {"exact", "numeric"}


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("8", "800"),
        ("200", "2"),
        ("0.33", "1/3"),
        ("2000%", "20%"),
        (".0000671", ".0000672"),
        ("Carla", r"\text{Evelyn}"),
        ("west", r"\text{east}"),
        ("1e999999999", "3"),
    ],
)
def test_different_values_are_wrong(answer: str, gold: str) -> None:
    grade = grade_math(rf"\boxed{{{answer}}}", gold)
    assert (grade["reward"], grade["verdict"]) == (0.0, "wrong")


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("1+x", "x + 1"),
        ("2(k+1)", "2k+2"),
        ("2*sqrt(5)", r"2\sqrt{5}"),
        ("√51", r"\sqrt{51}"),
        ("2, 1", "1,2"),
        (r"-2 \le x \le 7", r"x \in [-2,7]"),
    ],
)
def test_equal_formulas_are_right_by_algebra(answer: str, gold: str) -> None:
    assert grade_math(rf"\boxed{{{answer}}}", gold)["verdict"] == "right"


@pytest.mark.parametrize(("answer", "gold"), [("(2,1)", "(1,2)"), ("x - 1", "x + 1")])
def test_different_formulas_are_wrong_by_algebra(answer: str, gold: str) -> None:
    grade = grade_math(rf"\boxed{{{answer}}}", gold)
    assert (grade["verdict"], grade["method"]) == ("wrong", "symbolic")


def test_boxes_in_the_last_sentence_are_one_list_when_a_list_is_expected() -> None:
    response = r"Try \boxed{5}. The integers are \boxed{-2} and \boxed{1}."
    assert grade_math(response, "-2, 1")["verdict"] == "right"


def test_any_of_several_expected_answers_is_right() -> None:
    assert grade_math("The answer is 7.", ["six", "7"])["verdict"] == "right"


def test_without_an_expected_answer_nothing_is_decided() -> None:
    grade = grade_math("The answer is 7.", [])
    assert (grade["reward"], grade["verdict"]) == (None, "undecided")


def test_a_wrong_answer_is_criticized_in_words() -> None:
    critique = grade_math("A: 15", "260")["critique"]
    assert critique == "The answer 15 does not equal the expected 260."


def test_a_comparison_that_does_not_end_is_undecided_and_the_next_one_is_not() -> None:
    endless = grade_math(r"\boxed{9^{9^{9^{9}}}}", r"9^{9^{9^{8}}}")
    assert (endless["reward"], endless["verdict"]) == (None, "undecided")
    assert "could not be decided" in endless["critique"]
    assert grade_math("x+1", "1+x")["verdict"] == "right"


def test_redundant_parentheses_cost_nothing() -> None:
    assert grade_math(f"\\boxed{{{'(' * 60}x+1{')' * 60}}}", "1+x")["verdict"] == "right"


def test_an_event_loop_continues_while_formulas_are_compared() -> None:
    async def compare_beside_a_clock() -> int:
        comparison = asyncio.create_task(asyncio.to_thread(grade_math, "x+1", "1+x"))
        ticks = 0
        while not comparison.done():
            await asyncio.sleep(0)
            ticks += 1
        return ticks

    assert asyncio.run(compare_beside_a_clock()) > 1


def test_threads_can_grade_at_the_same_time() -> None:
    with ThreadPoolExecutor(8) as threads:
        grades = threads.map(lambda n: grade_math(f"{n}+x", f"x + {n}"), range(40))
        assert {grade["verdict"] for grade in grades} == {"right"}


@pytest.mark.parametrize(
    "piece", ["(", r"\boxed{", r"\( ", "answer is ", "<answer>", "*", "$", "\n", "1,", "**a*."]
)
def test_a_response_that_repeats_itself_is_wrong(piece: str) -> None:
    assert grade_math(piece * 20_000, "77")["verdict"] == "wrong"


def test_answers_are_never_run_as_code(tmp_path: Path) -> None:
    target = tmp_path / "touched"
    code = f"__import__('pathlib').Path('{target}').touch()"
    grade_math(rf"\boxed{{{code}}}", "x+1")
    grade_math(rf"\boxed{{x+{code}}}", "x+1")
    assert not target.exists()


def test_importing_the_graders_loads_no_algebra_and_starts_no_process() -> None:
    code = (
        "import sys, training_free_grpo.graders\n"
        "heavy = {'sympy', 'math_verify', 'langchain', 'langchain_core', 'langgraph'}\n"
        "sys.exit(' '.join(heavy & sys.modules.keys()) or 0)"
    )
    assert run_python(code).returncode == 0


def test_the_interpreter_exits_in_silence_after_algebra() -> None:
    code = (
        "from training_free_grpo.graders import grade_math\n"
        "print(grade_math('x+1', '1+x')['verdict'])"
    )
    done = run_python(code)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "right", "")
