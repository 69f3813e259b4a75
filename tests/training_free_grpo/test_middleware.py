"""ExperienceMiddleware gives an agent of langchain's the lessons, in the words of the training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from training_free_grpo import (
    ExperienceMiddleware,
    Settings,
    build_training_graph,
    save_library,
)
from training_free_grpo.experience import experience_block, with_experience
from training_free_grpo.library import LibraryError, empty_library, read_library, render_library
from training_free_grpo.records import Library
from training_free_grpo.simulated import SimulatedModel, training_problems

LIBRARY = read_library({"G0": "Tea: name the plant.", "G1": "Drinks: name the vessel."})
BLOCK = experience_block(render_library(LIBRARY))
QUESTION: Any = {"messages": [HumanMessage("What is tea?")]}


class Listener(BaseChatModel):
    """Answers anything, and notes what it is shown."""

    seen: list[list[BaseMessage]]

    @property
    def _llm_type(self) -> str:
        return "listener"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.seen.append(list(messages))
        return ChatResult(generations=[ChatGeneration(message=AIMessage("A drink."))])

    async def _agenerate(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> ChatResult:
        return self._generate(messages)


class Shouting(AgentMiddleware[Any, Any, Any]):
    """Another middleware that changes the call."""

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelResponse[Any]:
        messages: Any = [HumanMessage(m.text.upper()) for m in request.messages]
        return handler(request.override(messages=messages))


def shown(library: Any, system: str | None = None, *others: Any) -> list[str]:
    """Return what the model is shown when an agent with this library is asked."""
    model = Listener(seen=[])
    middleware = [ExperienceMiddleware(library), *others]
    create_agent(model, [], system_prompt=system, middleware=middleware).invoke(QUESTION)
    return [m.text for m in model.seen[0]]


class TestPrompt:
    def test_lessons_stand_below_the_system_prompt(self) -> None:
        assert shown(LIBRARY, "Be brief.") == [f"Be brief.\n\n{BLOCK}", "What is tea?"]

    def test_words_are_those_of_the_training(self) -> None:
        words = with_experience("Be brief.", render_library(LIBRARY))
        assert shown(LIBRARY, "Be brief.")[0] == words

    def test_without_a_system_prompt_the_lessons_are_one(self) -> None:
        assert shown(LIBRARY) == [BLOCK, "What is tea?"]

    def test_library_without_lessons_leaves_the_prompt_as_it_was(self) -> None:
        assert shown(empty_library(), "Be brief.") == ["Be brief.", "What is tea?"]

    def test_library_without_lessons_makes_no_system_prompt(self) -> None:
        assert shown(empty_library()) == ["What is tea?"]

    async def test_asynchronous_agents_are_shown_the_same(self) -> None:
        model = Listener(seen=[])
        middleware = [ExperienceMiddleware(LIBRARY)]
        agent = create_agent(model, [], system_prompt="Be brief.", middleware=middleware)
        await agent.ainvoke(QUESTION)
        assert [m.text for m in model.seen[0]] == shown(LIBRARY, "Be brief.")

    @pytest.mark.parametrize("first", [True, False])
    def test_goes_together_with_another_middleware(self, first: bool) -> None:
        model = Listener(seen=[])
        pair: list[Any] = [ExperienceMiddleware(LIBRARY), Shouting()]
        create_agent(model, [], middleware=pair if first else pair[::-1]).invoke(QUESTION)
        assert [m.text for m in model.seen[0]] == [BLOCK, "WHAT IS TEA?"]


class TestSources:
    def test_library_may_be_given_as_the_reference_writes_it(self) -> None:
        lessons: Any = {"G0": "Tea: name the plant."}
        assert "[G0] Tea: name the plant." in shown(lessons)[0]

    @pytest.mark.parametrize("form", [str, Path])
    def test_library_may_be_a_file(self, form: Callable[[Any], Any], tmp_path: Path) -> None:
        save_library(LIBRARY, tmp_path / "lessons.json")
        assert shown(form(tmp_path / "lessons.json"))[0] == BLOCK

    @pytest.mark.parametrize("form", [str, Path])
    def test_library_may_be_a_run_folder(self, form: Callable[[Any], Any], tmp_path: Path) -> None:
        save_library(LIBRARY, tmp_path / "library.json")
        assert shown(form(tmp_path))[0] == BLOCK

    def test_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(LibraryError, match=r"nowhere\.json"):
            ExperienceMiddleware(tmp_path / "nowhere.json")

    def test_deleted_lessons_are_not_shown(self) -> None:
        library: Library = read_library(LIBRARY)
        library["experiences"]["G0"]["status"] = "deleted"
        assert "[G0]" not in shown(library)[0]


class TestUse:
    def test_agent_follows_what_the_training_learned(self) -> None:
        problems = training_problems()[:14]
        settings = Settings(epochs=1, batch_size=14)
        learned = build_training_graph().invoke({"problems": problems}, context=settings)
        middleware = [ExperienceMiddleware(learned["library"])]
        agent = create_agent(SimulatedModel(), [], middleware=middleware)
        talks = [agent.invoke({"messages": [HumanMessage(p["problem"])]}) for p in problems]
        assert any("Following [G" in talk["messages"][-1].text for talk in talks)
