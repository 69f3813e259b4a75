"""Keys are taken out of errors before anything writes these down."""

from pathlib import Path

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from tests.standin import StandIn
from training_free_grpo import Settings, build_training_graph
from training_free_grpo.redact import redact, redact_error

KEY = "a-key-of-no-known-form-42"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"Incorrect API key provided: {KEY}.", "Incorrect API key provided: [MY_API_KEY]."),
        ("wrong key: sk-proj-********wxyz.", "wrong key: [redacted]."),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer [redacted]"),
        ("postgresql://user:pass-word@host/db", "postgresql://[redacted]@host/db"),
        ("HTTP 404: no such model gpt-5-mini", "HTTP 404: no such model gpt-5-mini"),
    ],
)
def test_secrets_are_taken_out(said: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", KEY)
    assert redact(said) == shown


def test_an_error_and_its_causes_are_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", KEY)
    cause, error = ValueError(f"with {KEY}"), RuntimeError(f"refused {KEY}", 401)
    error.__cause__ = cause
    redact_error(error)
    assert (error.args, str(cause)) == (("refused [MY_API_KEY]", 401), "with [MY_API_KEY]")


def test_a_key_that_errors_quote_is_not_in_checkpoints(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def agent(messages: object) -> str:
        raise RuntimeError(f"Incorrect API key provided: {KEY}")

    path = tmp_path / "checkpoints.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver, StandIn({}) as server:
        settings = Settings(
            model="openai:x", base_url=server.url, epochs=1, group_size=2, max_retries=0
        )
        graph = build_training_graph(agent, checkpointer=saver, settings=settings)
        given = {"problems": [{"problem": "How many?", "answer": "1"}]}
        result = graph.invoke(given, {"configurable": {"thread_id": "1"}})
    assert list(result["metrics"][0]["missing"]) == [
        "the agent failed: RuntimeError: Incorrect API key provided: [OPENAI_API_KEY]"
    ]
    assert not [file for file in tmp_path.iterdir() if KEY.encode() in file.read_bytes()]


def test_a_key_that_ends_a_run_is_not_in_checkpoints(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def grade(problem: object, answer: str) -> float:
        raise AssertionError("no answer comes so far")

    path = tmp_path / "checkpoints.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        graph = build_training_graph(grader=grade, checkpointer=saver)
        given = {
            "problems": [{"problem": "How many?", "answer": "1"}],
            "library": {KEY: 7},
        }
        with pytest.raises(ValueError, match="OPENAI_API_KEY"):
            graph.invoke(given, {"configurable": {"thread_id": "1"}})
        rows = saver.conn.execute("SELECT value FROM writes WHERE channel = '__error__'").fetchall()
    assert rows
    assert not [value for (value,) in rows if KEY.encode() in value]
