"""The loop on every endpoint as strict as it really is: a profile each, chosen by name."""

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from langchain_core.tools import tool

from tests.providers.profiles import PROFILES
from tests.providers.server import Provider
from tests.standin import Call
from training_free_grpo import Settings, build_training_graph, evaluate
from training_free_grpo.graphs.evaluation import build_evaluation_graph
from training_free_grpo.models import Refused
from training_free_grpo.records import JSON

# The providers' own packages inherit what they should not, and close no connection.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Inheritance class Aiohttp:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
PROBLEMS = [{"problem": f"How many are {n}?", "answer": str(n)} for n in range(2)]
HOPELESS = ("credit", "key", "model")
WITHOUT_TOOLS = "llama.cpp without jinja"

Serve = Callable[..., Provider]


@pytest.fixture(scope="module", autouse=True)
def leave_no_connection() -> Iterator[None]:
    """Drop what the packages left open here, where the warning of it is expected."""
    yield
    gc.collect()


@tool
def run_python(code: str) -> str:
    """Run a program."""
    return "42"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    started: list[Provider] = []

    def start(profile: str, **how: Any) -> Provider:
        answers = {p["problem"]: p["answer"] for p in PROBLEMS}
        options: dict[str, Any] = {"tool_share": 1.0, "right": lambda problem, n: n % 2 == 0} | how
        server = Provider(answers, profile=profile, **options)
        monkeypatch.setenv(server.strict.key, "a key")
        started.append(server)
        return server.__enter__()

    yield start
    for server in started:
        server.__exit__(None, None, None)


def settings(server: Provider, **options: Any) -> Settings:
    sizes = {"epochs": 2, "batch_size": 2, "group_size": 2, "max_turns": 1, "max_retries": 1}
    return Settings.read(server.settings | sizes | options)


async def train(server: Provider, **options: Any) -> dict[str, Any]:
    graph = build_training_graph(tools=[run_python])
    found: dict[str, Any] = await graph.ainvoke(
        {"problems": PROBLEMS}, context=settings(server, **options)
    )
    return found


async def measure(
    server: Provider, problems: Sequence[JSON] = PROBLEMS, **options: Any
) -> dict[str, Any]:
    graph = build_evaluation_graph(tools=[run_python])
    found = await graph.ainvoke({"problems": problems}, context=settings(server, **options))
    result: dict[str, Any] = found["evaluation"]
    return result


@pytest.mark.parametrize("profile", [name for name in PROFILES if name != WITHOUT_TOOLS])
async def test_two_epochs_with_tools_lose_no_attempt_and_learn(serve: Serve, profile: str) -> None:
    server = serve(profile)
    found = await train(server)
    steps = found["metrics"]
    assert [(step["rollouts"], step["missing"]) for step in steps] == [(4, {}), (4, {})]
    assert [step["mean_reward"] for step in steps] == [0.5, 0.5]
    assert found["library"]["experiences"]
    # What is refused costs nothing, and is not asked again in every call.
    assert len(server.refused) <= 12
    calls = [m for c in server.of("rollout") for m in c.messages if m.get("tool_calls")]
    assert calls, "no tool was ever called"


@pytest.mark.parametrize("profile", [name for name in PROFILES if name != WITHOUT_TOOLS])
async def test_a_cut_answer_is_missing_and_never_wrong(serve: Serve, profile: str) -> None:
    reasons = PROFILES[profile].cut
    server = serve(profile, tool_share=0.0)
    server.trouble = lambda call: f"cut:{reasons[int(call.problem[9])]}"
    problems = [{"problem": f"How many {n}?", "answer": str(n)} for n in range(len(reasons))]
    found = await measure(server, problems, tools="none")
    assert sum(found["missing"].values()) == len(reasons)
    assert len(server.of("rollout")) - len(server.refused) <= 2 * len(reasons)


TROUBLES = [(name, kind) for name, profile in PROFILES.items() for kind in profile.troubles]


@pytest.mark.parametrize(
    ("profile", "kind"), [each for each in TROUBLES if each[1] in HOPELESS], ids=str
)
async def test_what_can_never_succeed_stops_the_run_with_a_remedy(
    serve: Serve, profile: str, kind: str
) -> None:
    server = serve(profile, trouble=lambda call: kind)
    remedy = {"credit": "credit|account", "key": "[Cc]heck the key", "model": "model's name"}[kind]
    with pytest.raises(Refused, match=remedy):
        await train(server)


@pytest.mark.parametrize("profile", [name for name, kind in TROUBLES if kind == "filter"], ids=str)
async def test_a_prompt_that_a_filter_refuses_costs_its_attempts_alone(
    serve: Serve, profile: str
) -> None:
    bad = PROBLEMS[0]["problem"]
    server = serve(profile, trouble=lambda call: "filter" if call.problem == bad else None)
    found = await measure(server, attempts=15)
    assert sum(found["missing"].values()) == 15


@pytest.mark.parametrize("profile", [name for name, kind in TROUBLES if kind == "long"], ids=str)
async def test_a_transcript_that_is_too_long_is_shortened(serve: Serve, profile: str) -> None:
    asked: Counter[str] = Counter()

    def trouble(call: Call) -> str | None:
        if call.role != "summarize":
            return None
        asked[str(call.messages)] += 1
        return "long" if asked[str(call.messages)] == 1 else None

    server = serve(profile, trouble=trouble)
    quiet = {"temperature": "", "reflection_temperature": ""}
    found = await train(server, epochs=1, **quiet)
    assert found["library"]["experiences"]
    assert set(asked.values()) == {2}


async def test_tools_that_a_server_does_not_do_stop_the_run_with_its_switch(serve: Serve) -> None:
    with pytest.raises(Refused, match="--jinja"):
        await train(serve(WITHOUT_TOOLS))


def test_a_second_system_message_costs_no_attempt_of_an_agent_of_ones_own(serve: Serve) -> None:
    from langchain.agents import create_agent
    from langchain_openai import ChatOpenAI

    server = serve("vllm, strict template", tool_share=0.0)
    model = ChatOpenAI(model="qwen", base_url=server.address, api_key="none", max_retries=0)
    agent = create_agent(model, system_prompt="Be brief.")
    library = {"G0": "Count twice."}
    found = evaluate(PROBLEMS, library, settings(server), agent=agent)
    assert not found["missing"]
    assert all("Count twice." in str(call.messages) for call in server.calls)


async def test_a_cut_answer_is_asked_for_once_more_with_more_room(serve: Serve) -> None:
    server = serve("openai o-series", trouble=lambda call: "cut:length", tool_share=0.0)
    await measure(server, tools="none", max_output_tokens=100, max_retries=8)
    known = [call.body for call in server.calls if "max_completion_tokens" in call.body]
    asked = [body["max_completion_tokens"] for body in known if "temperature" not in body]
    assert sorted(asked) == [100, 100, 200, 200]


@pytest.mark.parametrize("profile", ["mistral", "mistral, compatible", "ollama, compatible"])
async def test_output_is_limited_by_the_name_that_the_endpoint_knows(
    serve: Serve, profile: str
) -> None:
    server = serve(profile)
    await measure(server, max_output_tokens=100)
    assert {call.body.get("max_tokens") for call in server.calls} == {100}
    assert not [said for said in server.refused if "max_completion_tokens" in said]


async def test_the_limit_and_timeout_of_ollama_have_their_own_names(serve: Serve) -> None:
    server = serve("ollama", latency=0.5, tool_share=0.0)
    found = await measure(server, tools="none", max_output_tokens=100, call_timeout=0.1)
    assert sum(found["missing"].values()) == 2
    assert {call.body["max_tokens"] for call in server.calls} == {100}


async def test_a_refused_parameter_is_said_once(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    await train(serve("anthropic, no temperature"))
    said = [r.getMessage() for r in caplog.records if "does not take temperature" in r.getMessage()]
    assert len(said) == 2  # one of the policy, one of the reflection model


async def test_the_prefix_is_marked_for_anthropics_cache(serve: Serve) -> None:
    marked, unmarked = serve("anthropic"), serve("anthropic")
    await measure(marked)
    assert all(call.body["marked"] for call in marked.calls)
    await measure(unmarked, model_options={"cache_control": None})
    assert not any(call.body["marked"] for call in unmarked.calls)


async def test_calls_of_many_rollouts_at_once_learn_together_what_is_refused(serve: Serve) -> None:
    server = serve("openai o-series", latency=0.05)
    found = await measure(server, attempts=8)
    assert not found["missing"]
    assert len(server.refused) <= 16
