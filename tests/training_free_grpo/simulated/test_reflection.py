import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from training_free_grpo.prompts import quote, render_messages, render_prompt
from training_free_grpo.simulated import SimulatedModel
from training_free_grpo.simulated.comparison import extract_advantage
from training_free_grpo.simulated.editing import edit_experiences
from training_free_grpo.simulated.lessons import Lesson, word

OBJECTIVES = {"agent_objective": "Solve.", "learning_objective": "Learn."}
RULES = "32 words at most. At most 9."
BOIL = word(Lesson("tea", "boil the water", "warm the water"), 32)
WARM = word(Lesson("tea", "warm the water", "boil the water"), 32)


def tell(approach: str, answer: str, lesson: str = "") -> str:
    followed = f"\n3. Followed lesson [{lesson}]." if lesson else ""
    steps = f"1. Took it for a tea problem.\n2. Approach: {approach}.{followed}"
    return f"{steps}\nOutcome: final answer {answer};"


def show(library: str, *attempts: tuple[str, float | None]) -> str:
    blocks = [
        quote("attempt", text, n=n, **({} if reward is None else {"reward": reward}))
        for n, (text, reward) in enumerate(attempts, 1)
    ]
    return "\n".join([quote("library", library), *blocks])


def compare(library: str, *attempts: tuple[str, float | None]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(extract_advantage(RULES, show(library, *attempts)))[
        "operations"
    ]
    return found


def settle(library: str, *proposals: tuple[str, str, str]) -> list[dict[str, Any]]:
    blocks = [
        quote("proposal", f"{c}\nWhy: so.", n=f"P{n}", operation=o, ids=i, problem="x", attempts=5)
        for n, (o, i, c) in enumerate(proposals, 1)
    ]
    prompt = "\n".join([quote("library", library), *blocks])
    plan: list[dict[str, Any]] = json.loads(edit_experiences(RULES, prompt))["operations"]
    return plan


GOOD, BAD = tell("boil the water", "1"), tell("warm the water", "2")
SPLIT = ((GOOD, 1.0), (GOOD, 0.9), (BAD, 0.1), (BAD, 0.0), (BAD, 0.0))


def test_summary_keeps_kind_approach_lesson_tools_and_outcome() -> None:
    record = "[assistant] This is a tea problem. Following [G3], I will boil the water.\n"
    record += '[tool call] kettle {"litres": 1}\n[tool result] hot\n[assistant] So \\boxed{7}.'
    values = {"problem": quote("problem", "Tea?"), "grade": quote("grade", "", verdict="right")}
    trajectory = quote("trajectory", record)
    prompt = render_messages("summarize", **OBJECTIVES, **values, trajectory=trajectory)
    assert SimulatedModel().invoke(prompt).text.splitlines() == [
        "1. Took it for a tea problem.",
        "2. Approach: boil the water.",
        "3. Followed lesson [G3].",
        '4. Called kettle {"litres": 1}',
        "5. Got back: hot",
        "Outcome: final answer 7, graded right; it hung on the choice of approach.",
    ]


def test_lesson_is_what_winners_share_and_no_loser_does() -> None:
    [found] = compare("", *SPLIT)
    assert (found["operation"], found["content"]) == ("add", BOIL)


def test_rewards_alone_decide_which_side_is_better() -> None:
    [found] = compare("", *((text, 1 - (reward or 0)) for text, reward in SPLIT))
    assert found["content"] == WARM


def test_without_rewards_most_votes_win() -> None:
    [found] = compare("", *((text, None) for text, _ in SPLIT))
    assert found["content"] == WARM


def test_tied_votes_teach_nothing() -> None:
    assert compare("", (GOOD, None), (BAD, None)) == []


def test_approach_on_both_sides_teaches_nothing() -> None:
    assert compare("", *SPLIT, (GOOD, 0.0)) == []


def test_attempt_at_the_mean_belongs_to_neither_side() -> None:
    [found] = compare("", (GOOD, 1.0), (GOOD, 1.0), (BAD, 0.5), (BAD, 0.0), (BAD, 0.0))
    assert found["content"] == BOIL


def test_attempt_without_a_reward_is_left_out() -> None:
    text = show("", *SPLIT, (BAD, 7.0)).replace('"7.0"', '"None"')
    assert json.loads(extract_advantage(RULES, text))["operations"][0]["content"] == BOIL


def test_single_winner_of_many_is_luck() -> None:
    assert compare("", (GOOD, 1.0), *[(BAD, 0.0)] * 4) == []


def test_known_lesson_is_not_proposed_again() -> None:
    assert compare(f"[G4] {BOIL}", *SPLIT) == []


def test_lesson_that_misled_is_rewritten() -> None:
    misled = tell("warm the water", "2", "G4")
    [found] = compare(f"[G4] {WARM}", (GOOD, 1.0), (GOOD, 1.0), (misled, 0.0), (misled, 0.0))
    assert (found["operation"], found["ids"], found["content"]) == ("update", ["G4"], BOIL)


def test_lesson_that_mostly_failed_is_deleted() -> None:
    followed = tell("warm the water", "2", "G4")
    [found] = compare(f"[G4] {WARM}", (followed, 1.0), *[(followed, 0.0)] * 3)
    assert (found["operation"], found["ids"]) == ("delete", ["G4"])


def test_lesson_keeps_to_the_limit_in_the_prompt() -> None:
    text = extract_advantage("9 words at most", show("", *SPLIT))
    assert len(json.loads(text)["operations"][0]["content"].split()) <= 9


def test_equal_proposals_become_one() -> None:
    [step] = settle("", ("add", "", BOIL), ("add", "", BOIL))
    assert (step["operation"], step["ids"], step["content"]) == ("add", ["P1", "P2"], BOIL)


def test_better_supported_side_of_a_contradiction_stays() -> None:
    [step] = settle("", ("add", "", BOIL), ("add", "", BOIL), ("add", "", WARM))
    assert step["content"] == BOIL


def test_even_contradiction_drops_both_sides() -> None:
    assert settle("", ("add", "", BOIL), ("add", "", WARM)) == []


def test_repeated_and_vague_proposals_are_left_out() -> None:
    assert settle(f"[G1] {BOIL}", ("add", "", BOIL), ("add", "", "Be careful.")) == []


def test_one_proposal_does_not_overturn_a_lesson() -> None:
    assert settle(f"[G1] {BOIL}", ("add", "", WARM)) == []


def test_two_proposals_overturn_a_lesson() -> None:
    [step] = settle(f"[G1] {BOIL}", ("add", "", WARM), ("add", "", WARM))
    assert (step["operation"], step["ids"]) == ("update", ["G1", "P1", "P2"])


def test_deletion_wins_over_an_update_with_no_more_support() -> None:
    [step] = settle(f"[G1] {BOIL}", ("delete", "G1", ""), ("update", "G1", WARM))
    assert step["operation"] == "delete"


def test_duplicates_of_the_library_are_merged() -> None:
    [step] = settle(f"[G1] {BOIL}\n[G2] {BOIL}", ("add", "", BOIL))
    assert (step["operation"], step["ids"]) == ("merge", ["G1", "G2"])


def test_invented_id_is_dropped() -> None:
    assert settle("", ("update", "G999", BOIL)) == []


def answers(k: int = 400) -> list[str]:
    library, problem = quote("library", f"[G1] {WARM}"), quote("problem", "Tea?")
    limits = {"max_words": "32", "max_operations": "2"}
    values = {"library": library, "problem": problem, "attempts": show("", *SPLIT)}
    prompt = render_messages("extract_advantage", **OBJECTIVES, **limits, **values)
    return [SimulatedModel(seed=n).invoke(prompt).text for n in range(k)]


def is_json(text: str) -> bool:
    try:
        return bool(json.loads(text))
    except ValueError:
        return False


@pytest.mark.parametrize("trace", ["G999", "be careful", "at all times", "Useful."])
def test_errs_now_and_then(trace: str) -> None:
    assert 0.005 < sum(trace in text for text in answers()) / 400 < 0.07


def test_breaks_its_json_now_and_then_but_not_when_asked_again() -> None:
    prompt = render_messages(
        "extract_advantage",
        **OBJECTIVES,
        max_words="32",
        max_operations="2",
        library=quote("library", ""),
        problem="",
        attempts=show("", *SPLIT),
    )
    repair = HumanMessage(render_prompt("repair", errors="It is no JSON."))
    models = [SimulatedModel(seed=n) for n in range(200)]
    broken = [m for m in models if not is_json(m.invoke(prompt).text)]
    assert 0.01 < len(broken) / 200 < 0.08
    assert all(is_json(m.invoke([*prompt, AIMessage("{"), repair]).text) for m in broken)


def test_prior_knows_only_commonplaces() -> None:
    limits = {"max_words": "32", "max_operations": "2"}
    blocks = {"library": quote("library", ""), "problem": quote("problem", "Tea?")}
    prompt = render_messages("generate_lessons", **OBJECTIVES, **limits, **blocks)
    text = SimulatedModel(seed=1).invoke(prompt).text
    assert all(step["operation"] == "add" for step in json.loads(text)["operations"])
