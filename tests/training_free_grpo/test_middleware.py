"""ExperienceMiddleware gives an agent of langchain's the lessons, in the words of the training."""

import copy
import json
import os
import pickle
from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    ModelCallLimitMiddleware,
    ModelRequest,
    ModelResponse,
    PIIMiddleware,
    SummarizationMiddleware,
    TodoListMiddleware,
    ToolCallLimitMiddleware,
    dynamic_prompt,
)
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool

from training_free_grpo import (
    ExperienceMiddleware,
    Settings,
    build_training_graph,
    save_library,
)
from training_free_grpo.library import LibraryError, empty_library, read_library, render_library
from training_free_grpo.library.prompt import experience_block, with_experience
from training_free_grpo.records import Experience, Library
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

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    async def _agenerate(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> ChatResult:
        return self._generate(messages)


class Caller(Listener):
    """Calls the tool twice before it answers."""

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        done = super()._generate(messages)
        asked = sum(isinstance(m, AIMessage) for m in messages)
        if asked < 2:
            call = {"name": "look_up", "args": {"word": "tea"}, "id": f"call-{asked}"}
            message = AIMessage("", tool_calls=[call])
            return ChatResult(generations=[ChatGeneration(message=message)])
        return done


@tool
def look_up(word: str) -> str:
    """Look a word up."""
    return f"{word} is a word"


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
        assert "[G0] Tea: name the plant." in shown({"G0": "Tea: name the plant."})[0]

    @pytest.mark.parametrize("form", [str, Path])
    def test_library_may_be_a_file(self, form: Callable[[Any], Any], tmp_path: Path) -> None:
        save_library(LIBRARY, tmp_path / "lessons.json")
        assert shown(form(tmp_path / "lessons.json"))[0] == BLOCK

    @pytest.mark.parametrize("form", [str, Path])
    def test_library_may_be_a_run_folder(self, form: Callable[[Any], Any], tmp_path: Path) -> None:
        save_library(LIBRARY, tmp_path / "library.json")
        assert shown(form(tmp_path))[0] == BLOCK

    def test_name_of_a_run_is_answered_with_its_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        save_library(LIBRARY, "runs/desk/library.json")
        with pytest.raises(LibraryError, match=r"did you mean 'runs/desk'\?"):
            ExperienceMiddleware("desk")

    def test_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(LibraryError, match=r"nowhere\.json"):
            ExperienceMiddleware(tmp_path / "nowhere.json")

    def test_deleted_lessons_are_not_shown(self) -> None:
        library: Library = read_library(LIBRARY)
        library["experiences"]["G0"]["status"] = "deleted"
        assert "[G0]" not in shown(library)[0]


class TestCache:
    def test_prompt_is_the_same_byte_for_byte_in_every_call(self) -> None:
        model = Caller(seen=[])
        middleware = [ExperienceMiddleware(LIBRARY)]
        agent = create_agent(model, [look_up], system_prompt="Be brief.", middleware=middleware)
        for question in ("What is tea?", "And milk?"):
            agent.invoke({"messages": [HumanMessage(question)]})
        assert len(model.seen) == 6
        assert len({json.dumps(messages[0].content) for messages in model.seen}) == 1

    def test_cache_mark_at_the_end_of_the_system_prompt_moves_behind_the_lessons(self) -> None:
        mark = {"type": "ephemeral"}
        system = SystemMessage([{"type": "text", "text": "Be brief.", "cache_control": mark}])
        assert blocks_shown(ExperienceMiddleware(LIBRARY), system) == [
            {"type": "text", "text": "Be brief."},
            {"type": "text", "text": f"\n\n{BLOCK}", "cache_control": mark},
        ]

    def test_cache_mark_stays_ahead_of_lessons_that_are_chosen(self) -> None:
        mark = {"type": "ephemeral"}
        system = SystemMessage([{"type": "text", "text": "Be brief.", "cache_control": mark}])
        first, second = blocks_shown(ExperienceMiddleware(LIBRARY, top_k=1), system)
        assert (first.get("cache_control"), "cache_control" in second) == (mark, False)

    def test_system_prompt_in_blocks_reads_as_one_in_a_text(self) -> None:
        system = SystemMessage([{"type": "text", "text": "Be brief."}])
        whole = "".join(b["text"] for b in blocks_shown(ExperienceMiddleware(LIBRARY), system))
        assert whole == shown(LIBRARY, "Be brief.")[0]

    def test_what_else_a_system_message_carries_stays(self) -> None:
        model = Listener(seen=[])
        system = SystemMessage("Be brief.", name="office", additional_kwargs={"x": 1})
        middleware = [ExperienceMiddleware(LIBRARY)]
        create_agent(model, [], system_prompt=system, middleware=middleware).invoke(QUESTION)
        message = model.seen[0][0]
        assert (message.name, message.additional_kwargs) == ("office", {"x": 1})


def blocks_shown(middleware: ExperienceMiddleware, system: SystemMessage) -> list[Any]:
    model = Listener(seen=[])
    create_agent(model, [], system_prompt=system, middleware=[middleware]).invoke(QUESTION)
    content: Any = model.seen[0][0].content
    return list(content)


def others() -> dict[str, Callable[[], AgentMiddleware[Any, Any, Any]]]:
    return {
        "summarization": lambda: SummarizationMiddleware(
            Listener(seen=[]), trigger=("messages", 4)
        ),
        "model calls": lambda: ModelCallLimitMiddleware(run_limit=9),
        "tool calls": lambda: ToolCallLimitMiddleware(run_limit=9),
        "todo list": TodoListMiddleware,
        "private data": lambda: PIIMiddleware("email"),
    }


class TestCompany:
    @pytest.mark.parametrize("asynchronous", [False, True], ids=["invoke", "ainvoke"])
    @pytest.mark.parametrize("name", others())
    @pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
    async def test_lessons_are_shown_in_every_call_beside_a_middleware_of_langchains(
        self, name: str, first: bool, asynchronous: bool
    ) -> None:
        pair = [ExperienceMiddleware(LIBRARY), others()[name]()]
        model = Caller(seen=[])
        agent = create_agent(
            model, [look_up], system_prompt="Be brief.", middleware=pair if first else pair[::-1]
        )
        _ = await agent.ainvoke(QUESTION) if asynchronous else agent.invoke(QUESTION)
        systems = [messages[0].text for messages in model.seen]
        assert len(systems) == 3
        assert set(systems) == {systems[0]}
        assert systems[0].startswith("Be brief.")
        assert systems[0].count(BLOCK) == 1

    @pytest.mark.parametrize("order", range(6))
    def test_lessons_are_shown_in_any_order_of_three(self, order: int) -> None:
        three = [ExperienceMiddleware(LIBRARY), TodoListMiddleware(), Shouting()]
        chosen = list(permutations(three))[order]
        model = Listener(seen=[])
        create_agent(model, [], system_prompt="Be brief.", middleware=chosen).invoke(QUESTION)
        assert BLOCK in model.seen[0][0].text
        assert model.seen[0][-1].text == "WHAT IS TEA?"

    @pytest.mark.parametrize("asynchronous", [False, True], ids=["invoke", "ainvoke"])
    async def test_listed_last_the_lessons_outlive_a_prompt_made_for_each_call(
        self, asynchronous: bool
    ) -> None:
        @dynamic_prompt
        def today(request: ModelRequest[Any]) -> str:
            return "Today is a Monday."

        model = Listener(seen=[])
        middleware = [today, ExperienceMiddleware(LIBRARY)]
        agent = create_agent(model, [], system_prompt="Be brief.", middleware=middleware)
        _ = await agent.ainvoke(QUESTION) if asynchronous else agent.invoke(QUESTION)
        assert model.seen[0][0].text == f"Today is a Monday.\n\n{BLOCK}"

    def test_two_libraries_stand_in_the_prompt_in_their_order(self, tmp_path: Path) -> None:
        other = read_library({"G0": "Milk: name the animal."})
        save_library(other, tmp_path / "library.json")
        blocks = [BLOCK, experience_block(render_library(other))]
        assert shown(LIBRARY, None, ExperienceMiddleware(tmp_path))[0] == "\n\n".join(blocks)
        assert shown(LIBRARY, None, ExperienceMiddleware(other))[0] == "\n\n".join(blocks)

    def test_one_library_given_twice_is_refused_by_langchain(self) -> None:
        with pytest.raises(AssertionError, match="duplicate middleware"):
            shown(LIBRARY, None, ExperienceMiddleware(LIBRARY))


class Embedding(DeterministicFakeEmbedding):
    """Counts the questions, and fails at them if it is out."""

    size: int = 8
    out: bool = False
    asked: int = 0

    def embed_query(self, text: str) -> list[float]:
        self.asked += 1
        if self.out:
            raise ConnectionError("no route to the embeddings")
        return super().embed_query(text)


class TestChoice:
    def test_lessons_that_fit_the_last_question_are_shown(self) -> None:
        model = Caller(seen=[])
        agent = create_agent(model, [look_up], middleware=[ExperienceMiddleware(LIBRARY, top_k=1)])
        talk: Any = agent.invoke({"messages": [HumanMessage("Which plant is tea?")]})
        agent.invoke({"messages": [*talk["messages"], HumanMessage("Which vessel holds drinks?")]})
        ids = ["[G0]" if "[G0]" in messages[0].text else "[G1]" for messages in model.seen]
        assert ids == ["[G0]", "[G0]", "[G0]", "[G1]"]

    def test_question_that_names_nothing_is_read_with_those_before_it(self) -> None:
        words = ["Which vessel holds drinks?", "And in the evening?", "Please go on."]
        middleware = ExperienceMiddleware(LIBRARY, top_k=1)
        assert "[G1]" in shown_by(middleware, *words)
        assert "[G0]" in shown_by(middleware, *words, "As before.")

    def test_embeddings_are_asked_once_while_the_agent_works_on_a_question(self) -> None:
        embeddings = Embedding()
        middleware = [ExperienceMiddleware(LIBRARY, top_k=1, embeddings=embeddings)]
        model = Caller(seen=[])
        create_agent(model, [look_up], middleware=middleware).invoke(QUESTION)
        assert (len(model.seen), embeddings.asked) == (3, 1)

    def test_words_choose_alone_while_the_embeddings_are_out(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        middleware = ExperienceMiddleware(LIBRARY, top_k=1, embeddings=Embedding(out=True))
        assert "[G1]" in shown_by(middleware, "Which vessel holds drinks?")
        assert "ConnectionError: no route to the embeddings" in caplog.text

    async def test_asynchronous_agents_are_shown_the_same_choice(self) -> None:
        model = Listener(seen=[])
        agent = create_agent(model, [], middleware=[ExperienceMiddleware(LIBRARY, top_k=1)])
        await agent.ainvoke({"messages": [HumanMessage("Which vessel holds drinks?")]})
        assert model.seen[0][0].text == experience_block("[G1] Drinks: name the vessel.")

    def test_embeddings_choose_too(self) -> None:
        embeddings = DeterministicFakeEmbedding(size=8)
        middleware = ExperienceMiddleware(LIBRARY, top_k=1, embeddings=embeddings)
        assert shown_by(middleware).count("[G") == 1


class TestWording:
    def test_template_words_the_lessons(self) -> None:
        middleware = ExperienceMiddleware(LIBRARY, format="Mind this:\n{{ library }}\nThat is all.")
        assert shown_by(middleware) == (f"Mind this:\n{render_library(LIBRARY)}\nThat is all.")

    def test_function_words_the_lessons(self) -> None:
        def bare(lessons: Sequence[Experience]) -> str:
            return " / ".join(lesson["content"] for lesson in lessons)

        middleware = ExperienceMiddleware(LIBRARY, format=bare)
        assert shown_by(middleware) == "Tea: name the plant. / Drinks: name the vessel."

    def test_function_is_not_asked_to_word_no_lessons(self) -> None:
        def fail(lessons: Sequence[Experience]) -> str:
            raise AssertionError

        assert shown_by(ExperienceMiddleware(empty_library(), format=fail)) == "What is tea?"


def shown_by(middleware: ExperienceMiddleware, *questions: str) -> str:
    model = Listener(seen=[])
    talk: Any = {"messages": [HumanMessage(each) for each in questions or ["What is tea?"]]}
    create_agent(model, [], middleware=[middleware]).invoke(talk)
    return model.seen[0][0].text


class TestCopies:
    @pytest.mark.parametrize(
        "copied", [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))]
    )
    @pytest.mark.parametrize("options", [{}, {"top_k": 1}, {"format": "Mind: {{ library }}"}])
    def test_copy_shows_the_same_lessons(
        self, options: Any, copied: Callable[[ExperienceMiddleware], ExperienceMiddleware]
    ) -> None:
        middleware = ExperienceMiddleware(LIBRARY, **options)
        assert shown_by(copied(middleware)) == shown_by(middleware)


class TestReload:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        save_library(LIBRARY, tmp_path / "library.json")
        return tmp_path / "library.json"

    def test_changed_file_is_shown_by_the_next_call(self, file: Path) -> None:
        middleware = ExperienceMiddleware(file.parent, reload=True)
        assert shown_by(middleware) == BLOCK
        save_library(read_library({"G0": "Tea: name the leaf."}), file)
        assert "name the leaf" in shown_by(middleware)

    async def test_changed_file_is_shown_to_asynchronous_agents(self, file: Path) -> None:
        middleware = ExperienceMiddleware(file, reload=True)
        save_library(read_library({"G0": "Tea: name the leaf."}), file)
        model = Listener(seen=[])
        await create_agent(model, [], middleware=[middleware]).ainvoke(QUESTION)
        assert "name the leaf" in model.seen[0][0].text

    def test_changed_file_is_left_alone_unless_asked_for(self, file: Path) -> None:
        middleware = ExperienceMiddleware(file)
        save_library(read_library({"G0": "Tea: name the leaf."}), file)
        assert shown_by(middleware) == BLOCK

    @pytest.mark.parametrize("change", [lambda file: file.write_text("{"), os.remove])
    def test_damaged_file_leaves_the_lessons_unchanged_and_is_reported_once(
        self, change: Callable[[Path], Any], file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        middleware = ExperienceMiddleware(file, reload=True)
        change(file)
        assert [shown_by(middleware), shown_by(middleware)] == [BLOCK, BLOCK]
        assert caplog.text.count("library.json") == 1

    def test_repaired_file_is_shown_again(self, file: Path) -> None:
        middleware = ExperienceMiddleware(file, reload=True)
        file.write_text("{")
        shown_by(middleware)
        save_library(read_library({"G0": "Tea: name the leaf."}), file)
        assert "name the leaf" in shown_by(middleware)


class TestArguments:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"top_k": 0}, "top_k is 0"),
            ({"top_k": "5"}, "top_k is '5'"),
            ({"top_k": 2.5}, r"top_k is 2\.5"),
            ({"top_k": True}, "top_k is True"),
            ({"format": 5}, "format is 5"),
            ({"top_k": 1, "embeddings": "openai:any"}, "embeddings is 'openai:any'"),
            ({"embeddings": DeterministicFakeEmbedding(size=8)}, "set top_k to say how many"),
            ({"reload": True}, "needs a file"),
            ({"format": "no place"}, "add {{ library }}"),
        ],
    )
    def test_what_cannot_be_is_refused_when_the_agent_is_made(
        self, options: Any, said: str
    ) -> None:
        with pytest.raises(ValueError, match=said):
            ExperienceMiddleware(LIBRARY, **options)

    def test_damaged_file_is_refused_when_the_agent_is_made(self, tmp_path: Path) -> None:
        (tmp_path / "library.json").write_text("{")
        with pytest.raises(LibraryError, match=r"library\.json"):
            ExperienceMiddleware(tmp_path, reload=True)


class TestUse:
    def test_agent_follows_what_the_training_learned(self) -> None:
        problems = training_problems()[:14]
        settings = Settings(epochs=1, batch_size=14)
        learned = build_training_graph().invoke({"problems": problems}, context=settings)
        middleware = [ExperienceMiddleware(learned["library"])]
        agent = create_agent(SimulatedModel(), [], middleware=middleware)
        talks = [agent.invoke({"messages": [HumanMessage(p["problem"])]}) for p in problems]
        assert any("Following [G" in talk["messages"][-1].text for talk in talks)
