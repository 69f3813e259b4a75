import asyncio
import subprocess
import sys

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool

from training_free_grpo.simulated import SimulatedModel

PROBLEM = "In a tournament of 20 players each plays every other once. How many games are there?"


@tool
def run_python(code: str) -> str:
    """Run code."""
    return code


def web_search(query: str) -> str:
    """Search the web."""
    return query


def test_same_call_gives_the_same_answer() -> None:
    assert SimulatedModel().invoke(PROBLEM).text == SimulatedModel().invoke(PROBLEM).text


def test_same_call_gives_the_same_answer_in_another_process() -> None:
    code = "import sys; from training_free_grpo.simulated import SimulatedModel as M; "
    code += "sys.stdout.write(M(seed=7).invoke(sys.argv[1]).text)"
    other = subprocess.run([sys.executable, "-c", code, PROBLEM], capture_output=True, check=True)
    assert other.stdout.decode() == SimulatedModel(seed=7).invoke(PROBLEM).text


@pytest.mark.parametrize("salt", ["seed", "attempt"])
def test_seed_and_attempt_change_the_answer(salt: str) -> None:
    texts = {SimulatedModel().bind(**{salt: n}).invoke(PROBLEM).text for n in range(20)}
    assert len(texts) > 1


async def test_async_answer_is_the_same() -> None:
    model = SimulatedModel()
    replies = await asyncio.gather(*(model.ainvoke(PROBLEM, attempt=n) for n in range(5)))
    assert [r.text for r in replies] == [model.invoke(PROBLEM, attempt=n).text for n in range(5)]


def test_counts_its_tokens() -> None:
    reply = SimulatedModel().invoke(PROBLEM)
    usage = reply.usage_metadata
    assert usage
    assert usage["input_tokens"] == len(PROBLEM) // 4
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["input_token_details"] == {"cache_read": 0}


def test_says_why_it_stopped_and_who_it_is() -> None:
    reply = SimulatedModel().invoke(PROBLEM)
    assert reply.response_metadata["finish_reason"] == "stop"
    assert reply.response_metadata["model_name"] == "simulated"


def test_takes_tools_of_every_form() -> None:
    schema = {"type": "function", "function": {"name": "run_python", "parameters": {}}}
    for given in (run_python, web_search, schema):
        reply = SimulatedModel().bind_tools([given]).invoke(PROBLEM, temperature=0.7)
        assert isinstance(reply, AIMessage)
