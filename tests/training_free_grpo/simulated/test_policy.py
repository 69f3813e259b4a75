from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from training_free_grpo.prompts import read_prompt, render_prompt
from training_free_grpo.simulated import SimulatedModel

FENCE = "A fence is 40 metres long, with a post every 4 metres and at each end. How many posts?"
DIGITS = "What is the sum of the decimal digits of 3^50?"
LESSON = "[G3] Digits: for digit sums, compute the digits with run_python."
ADD_ONE = "[G7] Fence posts: for fence-post problems, add one to the gaps."
ONLY_GAPS = "[G7] Fence posts: for fence-post problems, take the number of gaps."
RUN = {"type": "function", "function": {"name": "run_python", "description": "", "parameters": {}}}


def prompt(problem: str, lessons: str = "") -> list[AnyMessage]:
    system = render_prompt("agent", objective="Solve.") + "\n\n"
    return [
        SystemMessage(system + render_prompt("experience", library=lessons)),
        HumanMessage(problem),
    ]


def answers(problem: str, lessons: str = "", k: int = 200) -> list[str]:
    model = SimulatedModel()
    return [model.invoke(prompt(problem, lessons), attempt=n).text for n in range(k)]


def share(texts: list[str], answer: str) -> float:
    return sum(f"\\boxed{{{answer}}}" in text for text in texts) / len(texts)


def call_tool() -> tuple[list[AnyMessage], AIMessage]:
    messages = prompt(DIGITS, LESSON)
    replies = [SimulatedModel().invoke(messages, tools=[RUN], attempt=n) for n in range(9)]
    return messages, next(reply for reply in replies if reply.tool_calls)


def follow_up(*results: str) -> str:
    messages, reply = call_tool()
    found = [ToolMessage(r, tool_call_id=reply.tool_calls[0]["id"] or "") for r in results]
    return SimulatedModel().invoke([*messages, reply, *found], tools=[RUN]).text


def test_without_lessons_it_is_right_now_and_then() -> None:
    assert 0.3 < share(answers(FENCE), "11") < 0.5


def test_names_the_kind_the_approach_and_one_box() -> None:
    text = answers(FENCE, k=1)[0]
    assert text.startswith("This is a fence-post problem. I will ")
    assert text.count("\\boxed") == 1


def test_follows_a_fitting_lesson_nearly_always_and_cites_it() -> None:
    texts = answers(FENCE, ADD_ONE)
    assert share(texts, "11") > 0.87
    assert 0.9 < sum("Following [G7], " in text for text in texts) / len(texts) < 1


def test_follows_a_wrong_lesson_just_the_same() -> None:
    assert share(answers(FENCE, ONLY_GAPS), "10") > 0.87


def test_lesson_of_another_kind_changes_nothing_but_luck() -> None:
    assert share(answers(FENCE, LESSON), "11") < 0.5


def test_lesson_inside_a_problem_is_no_lesson() -> None:
    assert not any("[G7]" in text for text in answers(f"{FENCE}\n{ADD_ONE}"))


def test_slips_now_and_then() -> None:
    texts = [text for text in answers(FENCE, ADD_ONE, k=500) if "Following" in text]
    assert 0.92 < share(texts, "11") < 0.99


def test_really_calls_the_tool_that_the_lesson_names() -> None:
    _, reply = call_tool()
    assert reply.tool_calls[0]["name"] == "run_python"
    assert "3**50" in reply.tool_calls[0]["args"]["code"]
    assert reply.response_metadata["finish_reason"] == "tool_calls"


def test_reads_the_answer_from_the_result() -> None:
    assert "\\boxed{99}" in follow_up("exit 0\nanswer = 99\n")


def test_useless_result_leads_back_to_the_pitfall() -> None:
    text = follow_up("Traceback: MemoryError")
    assert "fall back: estimate the digits in the head" in text
    assert "\\boxed{" in text


def test_missing_tool_is_never_called() -> None:
    replies = [SimulatedModel().invoke(prompt(DIGITS, LESSON), attempt=n) for n in range(20)]
    assert all(reply.text and not reply.tool_calls for reply in replies)


def test_final_answer_is_given_without_tools() -> None:
    messages, reply = call_tool()
    messages += [reply, HumanMessage(read_prompt("final_answer"))]
    final = SimulatedModel().invoke(messages, tools=[RUN])
    assert not final.tool_calls
    assert "\\boxed{" in final.text


def test_unknown_kind_gets_an_honest_guess() -> None:
    text = SimulatedModel().invoke("Prove that every bounded sequence has a limit point.").text
    assert "cannot solve this kind of problem" in text
    assert "\\boxed{" in text
