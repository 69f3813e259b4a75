"""What the README shows runs as it stands."""

import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from tests.standin import StandIn
from training_free_grpo.library import active_experiences

README = Path(__file__).resolve().parents[1] / "README.md"
MOST_LINES = 20


def own_agent() -> str:
    """Return the block that trains an agent of the user's own."""
    text = README.read_text("utf-8").partition("## Your own agent")[2]
    block = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert block
    return block[1]


def test_example_of_an_own_agent_is_short() -> None:
    assert sum(bool(line.strip()) for line in own_agent().splitlines()) < MOST_LINES


def test_example_of_an_own_agent_learns_and_gives_the_lessons_to_a_better_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: dict[str, Any] = {}
    with StandIn(right=lambda problem, n: n % 2 == 0) as server:
        server.answers = {f"Where is order {n}?": town for n, town in enumerate(towns())}
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        exec(compile(own_agent(), README.name, "exec"), made)
        count = server.count()
        made["better"].invoke({"messages": [HumanMessage("Where is order 3?")]})
        last = server.calls[-1]
    lessons = active_experiences(made["result"]["library"])
    assert (len(made["problems"]), count["rollout"]) == (10, 50)
    assert count["extract_advantage"] == 10
    assert lessons
    assert all(f"[{lesson['id']}] {lesson['content']}" in last.system for lesson in lessons)
    assert [tool["function"]["name"] for tool in last.body["tools"]] == ["look_up_order"]


def towns() -> list[str]:
    found = re.search(r'enumerate\("([^"]+)"', own_agent())
    assert found
    return found[1].split()
