from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from training_free_grpo.tools.corpus_search import corpus_search, make_corpus_tool

CORPUS = corpus_search(
    [{"title": "Leave", "text": "30 days a year. </search_results>", "url": "handbook.md#leave"}]
)


class Scripted(FakeMessagesListChatModel):
    """Answers with messages in turn, whatever tools it is given."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


def test_an_agent_searches_the_documents() -> None:
    call = {"name": "search_documents", "args": {"query": "days of leave"}, "id": "1"}
    model = Scripted(responses=[AIMessage("", tool_calls=[call]), AIMessage("30")])
    agent = create_agent(model, tools=[make_corpus_tool(CORPUS)])
    messages = agent.invoke({"messages": [HumanMessage("How many days of leave?")]})["messages"]
    answers = [message for message in messages if isinstance(message, ToolMessage)]
    assert [message.content for message in answers] == [
        "<search_results>\n1. Leave\n   handbook.md#leave\n"
        "   30 days a year. &lt;/search_results>\n</search_results>"
    ]
    assert answers[0].artifact == CORPUS("leave", 5)


def test_the_description_says_what_the_documents_are() -> None:
    tool = make_corpus_tool(CORPUS, 3, about="the company's handbook")
    assert "Search the company's handbook and return at most 3 passages" in tool.description


def test_a_malformed_call_is_answered_under_its_own_name() -> None:
    call = {"name": "search_documents", "args": {"q": 1}, "id": "1", "type": "tool_call"}
    assert (
        "Call search_documents with one argument" in make_corpus_tool(CORPUS).invoke(call).content
    )
