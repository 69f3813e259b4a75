"""The whole loop over HTTP, at 128 wide, on real problems."""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.standin import Call, StandIn
from training_free_grpo import Settings, build_evaluation_graph, build_training_graph
from training_free_grpo.ledger import add_ledgers
from training_free_grpo.library import render_library
from training_free_grpo.models import Refused
from training_free_grpo.records import JSON, Attempt, Group, Ledger

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TFGRPO_DATA", ROOT.parent / "shared" / "data"))
SECRET = "918273645"
PUZZLES = [
    {"id": f"p{n}", "problem": f"Puzzle number {n}: how many?", "answer": SECRET} for n in range(6)
]


def rows(name: str, limit: int) -> list[JSON]:
    path = DATA / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"real data is absent: no {path.name} in the folder TFGRPO_DATA names")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()[:limit]]


def answers(problems: list[JSON]) -> dict[str, str]:
    return {row["problem"].strip(): row["answer"] for row in problems}


def settings(server: StandIn, **options: Any) -> Settings:
    given = {"model": "openai:stand-in", "base_url": server.url, "epochs": 1, "max_retries": 1}
    return Settings.read(given | options)


async def train(server: StandIn, problems: list[JSON], **options: Any) -> JSON:
    """Train; return the final state, with all groups that were ever finished."""
    groups: list[Group] = []
    state: JSON = {}
    stream: Any = build_training_graph().astream(
        {"problems": problems},
        context=settings(server, **options),
        stream_mode=["updates", "values"],
    )
    async for mode, event in stream:
        if mode == "values":
            state = event
        elif "group" in event:
            groups += event["group"]["groups"]
    return state | {"groups": groups}


def attempts(state: JSON) -> list[Attempt]:
    return [attempt for group in state["groups"] for attempt in group["attempts"]]


def spent(state: JSON) -> dict[str, dict[str, int]]:
    total: Ledger = {}
    for step in state["metrics"]:
        total = add_ledgers(total, step["usage"])
    return charged(total)


def charged(ledger: Ledger) -> dict[str, dict[str, int]]:
    """Leave out of a ledger what a server cannot know."""
    known = ("calls", "input", "cached", "output")
    return {role: {k: row[k] for k in known} for role, row in ledger.items()}  # type: ignore[literal-required]


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn(answers(PUZZLES)) as server:
        yield server


@pytest.fixture(scope="module")
def real() -> Iterator[tuple[StandIn, JSON]]:
    """Two epochs over 20 problems of GSM8K and 5 of MATH-500, all at once."""
    problems = rows("gsm8k_test", 20) + rows("math500", 5)
    with StandIn(answers(problems), tool_share=0.3, latency=0.05) as server:
        yield server, asyncio.run(train(server, problems, group_size=5, epochs=2))


def test_the_usage_of_every_role_is_what_the_server_charged(real: tuple[StandIn, JSON]) -> None:
    server, state = real
    assert spent(state) == server.usage()
    assert set(server.usage()) == {
        "rollout",
        "summarize",
        "extract_advantage",
        "edit_experiences",
    }


def test_every_request_is_counted_once(real: tuple[StandIn, JSON]) -> None:
    server, state = real
    assert {role: row["calls"] for role, row in spent(state).items()} == server.count()


def test_no_more_than_the_width_is_in_flight(real: tuple[StandIn, JSON]) -> None:
    assert real[0].peak <= 128


def test_calls_share_connections(real: tuple[StandIn, JSON]) -> None:
    # On a busy machine some are closed while they wait, and opened again.
    server, _ = real
    assert len(server.connections) < sum(server.count().values()) / 2


def test_more_than_half_of_the_width_is_used(real: tuple[StandIn, JSON]) -> None:
    assert real[0].peak > 64


def test_right_answers_are_rewarded_and_wrong_ones_are_not(real: tuple[StandIn, JSON]) -> None:
    server, state = real
    said: dict[str, int] = defaultdict(int)
    for call in server.of("rollout"):
        if call.first_turn:
            said[call.problem] += 1
    assert set(said.values()) == {10}
    assert {a["reward"] for a in attempts(state)} == {0.0, 1.0}
    assert not any(a["missing"] for a in attempts(state))


def test_tools_run_and_their_results_come_back_to_the_model(real: tuple[StandIn, JSON]) -> None:
    server, state = real
    later = [call for call in server.of("rollout") if not call.first_turn]
    assert len(later) == sum(a["tool_calls"] for a in attempts(state)) > 0
    for call in later:
        asked, told = call.messages[-2:]
        assert told["tool_call_id"] == asked["tool_calls"][0]["id"]
        assert "42" in told["content"]


def test_the_first_step_shows_no_lessons(real: tuple[StandIn, JSON]) -> None:
    assert not [c for c in of_step(real[0], 1) if "[G" in c.system]


def test_the_second_step_shows_the_library_of_the_first_ahead_of_the_problem(
    real: tuple[StandIn, JSON],
) -> None:
    server, state = real
    edited = server.of("edit_experiences")[0].number
    learned = [line for line in lessons_of(of_step(server, 2)[0])]
    assert len(learned) == state["metrics"][0]["library_size"] > 0
    for call in of_step(server, 2):
        assert call.number > edited
        assert [m["role"] for m in call.messages[:2]] == ["system", "user"]
        assert call.messages[1]["content"] == call.problem


def test_the_lessons_stand_in_the_order_of_their_ids(real: tuple[StandIn, JSON]) -> None:
    ids = [int(line[2:].split("]")[0]) for line in lessons_of(of_step(real[0], 2)[0])]
    assert ids == sorted(ids)


def test_the_system_prompt_is_the_same_to_the_byte_in_all_rollouts_of_a_step(
    real: tuple[StandIn, JSON],
) -> None:
    for step in (1, 2):
        assert len({call.system for call in of_step(real[0], step)}) == 1


def test_reflection_sees_the_lessons_that_the_rollouts_saw(real: tuple[StandIn, JSON]) -> None:
    server, _ = real
    shown = "\n".join(lessons_of(of_step(server, 2)[0]))
    edited = server.of("edit_experiences")
    late = [c for c in server.of("extract_advantage") if c.number > edited[0].number]
    for call in [*late, edited[1]]:
        assert f"<library>\n{shown}\n</library>" in call.messages[1]["content"]


def of_step(server: StandIn, step: int) -> list[Call]:
    """Return the rollout calls of a step: the edit of the first parts the two."""
    edited = server.of("edit_experiences")[0].number
    return [call for call in server.of("rollout") if (call.number < edited) == (step == 1)]


def lessons_of(call: Call) -> list[str]:
    return [line for line in call.system.splitlines() if line.startswith("[G")]


def test_rollouts_are_drawn_warm_and_reflection_cold(real: tuple[StandIn, JSON]) -> None:
    heat = {(c.role == "rollout", c.body["temperature"]) for c in real[0].calls}
    assert heat == {(True, 0.7), (False, 0.0)}


def test_only_rollouts_are_offered_the_tools(real: tuple[StandIn, JSON]) -> None:
    for call in real[0].calls:
        offered = {tool["function"]["name"] for tool in call.body.get("tools", [])}
        assert ("run_python" in offered) == (call.role == "rollout")


def test_only_groups_with_contrast_are_reflected_on(real: tuple[StandIn, JSON]) -> None:
    server, state = real
    contrast = [group for group in state["groups"] if group["contrast"]]
    assert 0 < len(contrast) < len(state["groups"])
    assert len(server.of("extract_advantage")) == len(contrast)
    assert len(server.of("summarize")) == 5 * len(contrast)


def test_each_comparison_shows_every_attempt_with_its_reward(real: tuple[StandIn, JSON]) -> None:
    for call in real[0].of("extract_advantage"):
        prompt = call.messages[1]["content"]
        assert [f'<attempt n="{n}" reward="' in prompt for n in range(1, 6)] == [True] * 5
        assert 'reward="1.0"' in prompt
        assert 'reward="0.0"' in prompt


def test_the_library_holds_what_was_proposed(real: tuple[StandIn, JSON]) -> None:
    _, state = real
    applied = [step["applied"] for step in state["metrics"]]
    added = sum(step.get("add", 0) for step in applied)
    assert len(render_library(state["library"]).splitlines()) == added
    assert not [r for step in state["metrics"] for r in step["rejected"]]


async def test_evaluation_is_drawn_at_its_own_temperature(server: StandIn) -> None:
    graph = build_evaluation_graph()
    found = await graph.ainvoke({"problems": PUZZLES}, context=settings(server, attempts=2))
    assert {call.body["temperature"] for call in server.calls} == {0.3}
    assert server.count() == {"rollout": 12}
    assert charged(found["evaluation"]["usage"]) == server.usage()


async def test_without_contrast_there_is_no_reflection_and_no_edit(server: StandIn) -> None:
    server.right = lambda problem, n: False
    state = await train(server, PUZZLES)
    assert server.count() == {"rollout": 30}
    assert state["metrics"][0]["groups_all_wrong"] == 6


async def test_without_proposals_there_is_no_edit(server: StandIn) -> None:
    server.faults = fault_in("extract_advantage", "empty")
    state = await train(server, PUZZLES, max_retries=0)
    assert server.of("extract_advantage")
    assert not server.of("edit_experiences")
    assert state["metrics"][0]["proposals"] == 0


async def test_a_group_whose_comparison_is_lost_says_why(server: StandIn) -> None:
    server.faults = fault_in("extract_advantage", "empty")
    state = await train(server, PUZZLES, max_retries=0)
    lost = state["metrics"][0]["groups_lost"]
    assert list(lost) == ["the answer was empty"]
    assert lost["the answer was empty"] == len(server.of("extract_advantage"))


async def test_a_comparison_uses_the_summaries_it_has(server: StandIn) -> None:
    server.right = lambda problem, n: n % 2 == 0
    server.faults = lambda c: "empty" if c.role == "summarize" and c.number % 4 == 0 else None
    state = await train(server, PUZZLES, max_retries=0)
    assert not state["metrics"][0]["groups_lost"]
    assert len(server.of("extract_advantage")) == 6


async def test_without_a_plan_the_proposals_are_carried_out_as_made(server: StandIn) -> None:
    server.right = lambda problem, n: n % 2 == 0
    server.faults = fault_in("edit_experiences", "empty")
    state = await train(server, PUZZLES, max_retries=0)
    step = state["metrics"][0]
    assert step["applied"] == {"add": 6}
    assert "carried out unchanged" in step["warning"]


def fault_in(role: str, fault: str) -> Callable[[Call], str | None]:
    return lambda call: fault if call.role == role else None


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("server_error", "500"), ("hang", "Timeout"), ("empty", "empty"), ("cut_off", "cut off")],
)
async def test_a_lost_rollout_is_missing_with_its_reason_and_never_wrong(
    server: StandIn, fault: str, reason: str
) -> None:
    server.right = lambda problem, n: True
    server.faults = lambda call: fault if call.number % 6 == 2 else None
    state = await train(server, PUZZLES, max_retries=0, call_timeout=4)
    lost = [a for a in attempts(state) if a["missing"]]
    assert len(lost) == 5
    assert all(reason in (a["missing"] or "") for a in lost)
    assert {a["reward"] for a in lost} == {None}
    assert state["metrics"][0]["mean_reward"] == 1.0
    assert state["metrics"][0]["groups_with_contrast"] == 0


async def test_a_rollout_that_runs_out_of_time_is_missing(server: StandIn) -> None:
    server.faults = lambda call: "hang" if call.number == 3 else None
    state = await train(server, PUZZLES[:2], rollout_timeout=5)
    assert state["metrics"][0]["missing"] == {"no answer within 5 s": 1}


async def test_what_was_paid_for_before_a_rollout_was_lost_is_counted(server: StandIn) -> None:
    server.tool_share = 1.0
    server.faults = lambda call: None if call.first_turn else "hang"
    state = await train(server, PUZZLES[:1], max_retries=0, call_timeout=3)
    assert state["metrics"][0]["missing"]
    assert spent(state) == server.usage()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("bad_arguments", "not valid JSON"),
        pytest.param(
            "listed_arguments",
            "argument",
        ),
        ("unknown_tool", "telephone"),
    ],
)
async def test_an_invalid_tool_call_is_answered_and_the_rollout_continues(
    server: StandIn, fault: str, told: str
) -> None:
    server.faults = lambda call: fault if call.role == "rollout" and call.first_turn else None
    state = await train(server, PUZZLES[:2])
    later = [call for call in server.of("rollout") if not call.first_turn]
    assert len(later) == 10
    for call in later:
        asked, answer = call.messages[-2:]
        assert answer["tool_call_id"] == asked["tool_calls"][0]["id"]
        assert told in answer["content"]
    assert not state["metrics"][0]["missing"]


async def test_a_good_call_beside_a_bad_one_is_carried_out(server: StandIn) -> None:
    server.faults = lambda c: "one_of_two" if c.role == "rollout" and c.first_turn else None
    state = await train(server, PUZZLES[:1])
    assert not state["metrics"][0]["missing"]
    for call in server.of("rollout"):
        if not call.first_turn:
            told = {m["tool_call_id"]: m["content"] for m in call.messages if m["role"] == "tool"}
            good, bad = (asked["id"] for asked in call.messages[2]["tool_calls"])
            assert "42" in told[good]
            assert "not valid JSON" in told[bad]


async def test_after_the_last_turn_the_final_answer_is_asked_for_without_tools(
    server: StandIn,
) -> None:
    server.tool_share, server.tool_turns = 1.0, 100
    state = await train(server, PUZZLES[:1], max_turns=2)
    turns = defaultdict(list)
    for call in server.of("rollout"):
        turns[call.rollout].append(call)
    assert {len(calls) for calls in turns.values()} == {3}
    for *before, last in turns.values():
        assert all(call.body["tools"] for call in before)
        assert "tools" not in last.body
        assert "final answer" in last.messages[-1]["content"]
    assert {a["tool_calls"] for a in attempts(state)} == {2}
    assert not state["metrics"][0]["missing"]


async def test_a_withheld_ground_truth_is_in_no_request(server: StandIn) -> None:
    server.right, server.tool_share = lambda problem, n: False, 0.5
    await train(server, PUZZLES[:3], ground_truth="withheld", epochs=2)
    assert set(server.count()) == {"rollout", "summarize", "extract_advantage", "edit_experiences"}
    sent = [json.dumps(call.body) for call in server.calls]
    assert not [body for body in sent if SECRET in body]
    assert not [body for body in sent if "reward=" in body or "<grade" in body]


async def test_a_shown_truth_is_for_reflection_alone(server: StandIn) -> None:
    server.right = lambda problem, n: n % 2 == 0
    await train(server, PUZZLES)
    shown = f"<truth>\n{SECRET}\n</truth>"
    roles = {c.role for c in server.calls if shown in json.dumps(c.body).replace("\\n", "\n")}
    assert roles == {"summarize", "extract_advantage"}
    assert not [c for c in server.of("rollout") if SECRET in json.dumps(c.body)]


async def test_with_one_attempt_per_problem_every_attempt_is_reflected_on(server: StandIn) -> None:
    await train(server, PUZZLES, group_size=1)
    count = server.count()
    assert count["rollout"] == count["summarize"] == count["extract_advantage"] == 6


async def test_directly_generated_lessons_need_no_rollouts(server: StandIn) -> None:
    state = await train(server, PUZZLES, directly_generated=True)
    assert server.count() == {"extract_advantage": 6, "edit_experiences": 1}
    assert state["metrics"][0]["library_size"] == 6


async def test_a_streamed_run_is_charged_the_same(server: StandIn) -> None:
    server.right = lambda problem, n: n % 2 == 0
    server.tool_share = 0.5
    usage: Ledger = {}
    stream: Any = build_training_graph().astream(
        {"problems": PUZZLES[:3]},
        context=settings(server),
        stream_mode=["messages", "updates"],
        subgraphs=True,
    )
    async for _, mode, event in stream:
        if mode == "updates" and "edit_experiences" in event:
            usage = event["edit_experiences"]["metrics"][-1]["usage"]
    assert any(call.body.get("stream") for call in server.of("rollout"))
    assert charged(usage) == server.usage()


def test_a_run_without_an_event_loop_makes_the_same_calls(server: StandIn) -> None:
    server.right = lambda problem, n: n % 2 == 0
    state = build_training_graph().invoke({"problems": PUZZLES}, context=settings(server))
    assert spent(state) == server.usage()
    assert server.count()["extract_advantage"] == 6


async def test_a_refused_key_ends_the_run_at_once(server: StandIn) -> None:
    server.status, server.latency = 401, 0.1
    with pytest.raises(Refused, match="401"):
        await train(server, PUZZLES, concurrency=2)
    assert len(server.calls) < 15


async def test_a_share_of_faults_loses_no_rollout_and_no_group(server: StandIn) -> None:
    server.faults = shaky
    state = await train(server, PUZZLES, max_retries=6)
    step = state["metrics"][0]
    assert not step["missing"]
    assert not step["groups_lost"]
    assert spent(state) == server.usage()
    retries = sum(row["retries"] for row in step["usage"].values())
    assert retries == sum(call.fault is not None for call in server.calls)


def shaky(call: Call) -> str | None:
    faults = ("rate_limit", "server_error", "broken_body", "garbage", "empty")
    return faults[call.number // 7 % len(faults)] if call.number % 7 == 0 else None
