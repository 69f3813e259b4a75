"""Training that waits for a person: on the embedded model, interrupted and resumed."""

import asyncio
import json
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from tests.standin import StandIn
from training_free_grpo import Settings, build_training_graph
from training_free_grpo.library import active_experiences
from training_free_grpo.settings import SettingsError
from training_free_grpo.simulated import training_problems

PROBLEMS = training_problems()[6:12]
GIVEN: dict[str, Any] = {"problems": PROBLEMS}
OFF = Settings(epochs=2, batch_size=6, group_size=4)
ON = OFF.model_copy(update={"review": "each_step"})
THREAD: RunnableConfig = {"configurable": {"thread_id": "run"}}
ANSWERS = {f"Puzzle {n}: how many?": str(n) for n in range(2)}
APPROVE: dict[str, Any] = {"all": "approve"}


class Review:
    """A run that was begun, and waits with its first plan."""

    def __init__(self, settings: Settings = ON, given: Any = None) -> None:
        self.graph = build_training_graph(checkpointer=InMemorySaver())
        self.state = self.graph.invoke(given or GIVEN, THREAD, context=settings)

    @property
    def request(self) -> Any:
        """Return what it waits with."""
        (interrupt,) = self.graph.get_state(THREAD).interrupts
        return interrupt.value

    def answer(self, answer: Any) -> Any:
        """Go on with an answer, and no context: it is not persisted, and a server has none."""
        self.state = self.graph.invoke(Command(resume=answer), THREAD)
        return self.state


def review_on(server: StandIn, epochs: int) -> Review:
    """Begin a run on a server, whose calls can be counted."""
    rows = [{"problem": problem, "answer": answer} for problem, answer in ANSWERS.items()]
    settings = Settings(
        model="openai:stand-in", base_url=server.url, epochs=epochs, batch_size=2, group_size=2,
        review="each_step",
    )  # fmt: skip
    return Review(settings, {"problems": rows})


def reject(number: int = 0, reason: str = "too narrow") -> dict[str, Any]:
    return {"decisions": [{"operation": number, "decision": "reject", "reason": reason}], **APPROVE}


def operations(interrupt: Any) -> list[Any]:
    found: list[Any] = interrupt.value["operations"]
    return found


def contents(state: Any) -> list[str]:
    return [lesson["content"] for lesson in active_experiences(state["library"])]


def test_waits_with_the_plan_before_it_is_carried_out() -> None:
    review = Review()
    assert review.graph.get_state(THREAD).next == ("review_edits",)
    assert review.request["operations"]
    assert contents(review.state) == []


def test_what_a_person_is_shown_is_small_plain_json() -> None:
    request = Review().request
    assert json.loads(json.dumps(request)) == request
    assert len(json.dumps(request)) < 2000 * len(request["operations"])


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_with_everything_approved_it_learns_what_it_learns_alone(way: str) -> None:
    alone = build_training_graph().invoke(GIVEN, context=OFF)
    review = Review()
    while "__interrupt__" in review.state:
        if way == "invoke":
            review.answer(APPROVE)
        else:
            review.state = asyncio.run(review.graph.ainvoke(Command(resume=APPROVE), THREAD))
    assert review.state["library"] == alone["library"]
    # The seconds differ from run to run.
    assert [m["usage"] for m in review.state["metrics"]] == [m["usage"] for m in alone["metrics"]]


def test_rejected_edits_are_not_learned_and_appear_in_the_figures_with_the_reason() -> None:
    review = Review()
    turned_down = review.request["operations"][0]["content"]
    state = review.answer(reject())
    assert turned_down not in contents(state)
    reasons = [row["reason"] for row in state["metrics"][0]["rejected"]]
    assert "declined in review: too narrow" in reasons
    (declined,) = review.graph.get_state(THREAD).values["declined"]
    assert declined["operation"]["content"] == turned_down


def test_what_is_rejected_is_not_planned_again_though_groups_propose_it() -> None:
    review = Review()
    turned_down = {operation["content"] for operation in review.request["operations"]}
    review.answer({"all": "reject"})
    history = review.graph.get_state_history(THREAD)
    last = next(s for s in history if s.next == ("plan_edits",) and s.values["step"] == 2)
    proposed = {p["operation"]["content"] for g in last.values["groups"] for p in g["proposals"]}
    planned = {o["content"] for i in review.state.get("__interrupt__", []) for o in operations(i)}
    assert turned_down & proposed
    assert not turned_down & planned


def test_what_is_edited_is_learned_in_the_person_s_words() -> None:
    words = "Handshakes: halve n times n minus one."
    edit = {"operation": 0, "decision": "edit", "content": words}
    state = Review().answer({"decisions": [edit], **APPROVE})
    assert words in contents(state)


def test_an_invalid_answer_costs_nothing_and_gets_an_explanation() -> None:
    review = Review()
    before = review.request
    review.answer({"decisions": [{"operation": 99, "decision": "approve"}]})
    assert "no operation 99" in review.request["fault"]
    review.answer("yes, please")
    assert "yes, please" in review.request["fault"]
    assert {**review.request, "fault": None} == before
    assert contents(review.answer(APPROVE)) != []


def test_a_plan_is_asked_for_once_however_often_the_thread_is_resumed() -> None:
    with StandIn(ANSWERS, right=lambda problem, n: n % 2 == 0) as server:
        review = review_on(server, epochs=1)
        for answer in ("nothing", {}, APPROVE):
            review.answer(answer)
        count = server.count()
    assert (count["edit_experiences"], count["rollout"]) == (1, 4)
    assert contents(review.state)


def test_a_later_edit_is_shown_what_was_declined() -> None:
    with StandIn(ANSWERS, right=lambda problem, n: n % 2 == 0) as server:
        review = review_on(server, epochs=2)
        turned_down = review.request["operations"][0]["content"]
        review.answer(reject(reason="it says <declined> nothing"))
        first, second = (str(c.messages[-1]["content"]) for c in server.of("edit_experiences"))
    assert "<declined" not in first
    block = second.partition('<declined operation="add" ids="">\n')[2]
    assert block.startswith(f"{turned_down}\nWhy not: it says &lt;declined> nothing\n</declined>")


def test_a_step_without_a_plan_does_not_wait() -> None:
    settings = ON.model_copy(update={"epochs": 1, "group_size": 2})
    review = Review(settings, {"problems": [{"problem": "What is it?", "answer": "x"}]})
    assert "__interrupt__" not in review.state
    assert len(review.state["metrics"]) == 1


def test_without_review_nobody_is_asked() -> None:
    assert "__interrupt__" not in Review(OFF).state


def test_without_a_checkpointer_it_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(SettingsError, match=r"'review' is 'each_step'.*checkpointer"):
        build_training_graph().invoke(GIVEN, context=ON)
