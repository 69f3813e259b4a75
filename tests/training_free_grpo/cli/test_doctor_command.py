"""`tfgrpo doctor` against a real server, real sandbox and real folders."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.providers.profiles import PROFILES
from tests.providers.server import Provider
from tests.standin import StandIn
from training_free_grpo.cli import main

ALL_TOOLS = ("--set", "tools=python,search,pages")
SECRET = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    for name in ("TAVILY_API_KEY", "BRAVE_API_KEY", "SERPER_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn(tool_share=1.0) as server:
        yield server


def doctor(*options: str) -> Result:
    """Examine all but the sandbox, which takes a while to prove itself."""
    return CliRunner().invoke(main, ["doctor", "--set", "tools=search", *options])


def asked(server: StandIn, *options: str) -> Result:
    return doctor("--model", "openai:stand-in", "--base-url", server.url, *options)


def findings(result: Result) -> dict[str, Any]:
    told = json.loads(result.stdout)
    return {finding["name"]: finding for finding in told["findings"]}


def test_all_is_well_with_a_model_that_can_do_everything(server: StandIn) -> None:
    result = asked(server, *ALL_TOOLS, "--json")
    assert result.exit_code == 0, result.stdout
    found = findings(result)
    assert {finding["state"] for finding in found.values()} == {"ok"}
    assert {"packages", "keys", "runs folder", "sandbox", "search", "model", "tools", "usage"} <= {
        *found
    }


def test_a_model_costs_three_short_calls_and_one_as_long_as_a_transcript(server: StandIn) -> None:
    asked(server)
    taken = [call.usage["total_tokens"] for call in server.calls if call.usage]
    assert len(taken) == 4
    assert sum(taken[:3]) < 1000
    assert taken[3] < 7000


@pytest.mark.process
def test_the_sandbox_names_its_walls() -> None:
    said = findings(doctor(*ALL_TOOLS, "--json"))["sandbox"]["said"]
    assert any(walls in said for walls in ("namespaces", "bubblewrap", "landlock", "seatbelt"))


def test_a_model_without_schemas_is_noted_and_does_well_enough(server: StandIn) -> None:
    server.refuses = ("json_schema",)
    result = asked(server, "--json")
    assert result.exit_code == 0
    assert findings(result)["model, schema"]["state"] == "note"


def test_a_model_that_takes_no_tools_fails_with_the_remedy(server: StandIn) -> None:
    server.refuses = ("tools",)
    result = asked(server)
    assert result.exit_code == 1
    assert "✗ model" in result.stdout
    assert "--set tools=none" in result.stdout


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "check the key in the environment"),
        (404, "ends as its server wants (often /v1)"),
        (400, "it rejects this form of request"),
        (500, "the endpoint itself fails"),
    ],
)
def test_an_endpoint_that_fails_is_told_with_what_to_do(
    server: StandIn, status: int, remedy: str
) -> None:
    server.status = status
    found = findings(asked(server, "--json"))["model"]
    assert found["state"] == "failed"
    assert remedy in found["remedy"]
    assert found["said"].count("openai:") == 1


def test_a_server_that_is_not_there_is_told_with_what_to_do() -> None:
    with StandIn() as gone:
        pass
    found = findings(asked(gone, "--json"))["model"]
    assert "check that the server runs" in found["remedy"]


def test_a_busy_endpoint_is_not_waited_for(
    server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.status = 429
    monkeypatch.setattr("training_free_grpo.doctor.endpoints._PATIENCE", 1.0)
    found = findings(asked(server, "--json"))["model"]
    assert "did not answer in time" in found["said"]
    assert "status 429 on demand" in found["said"]
    assert "rate-limited" in found["remedy"]


def asked_of(profile: str, monkeypatch: pytest.MonkeyPatch, **how: Any) -> dict[str, Any]:
    with Provider(profile=profile, tool_share=1.0, **how) as server:
        monkeypatch.setenv(server.strict.key, SECRET)
        model = ("--model", server.strict.model, "--base-url", server.address)
        return findings(doctor(*model, "--json"))


@pytest.mark.parametrize(
    ("profile", "notes"),
    [
        ("openai o-series", {"does not take temperature", "does not take max_tokens"}),
        ("mistral, compatible", set()),
        ("vllm, strict template", set()),
        ("deepseek", set()),
        ("vllm, no system", {"does not take system messages"}),
    ],
)
def test_an_endpoint_on_which_training_works_passes_with_what_it_refuses(
    profile: str, notes: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = asked_of(profile, monkeypatch, answers={})
    assert "failed" not in {finding["state"] for finding in found.values()}
    assert found["final answer"]["state"] == "ok"
    assert found["model, long input"]["state"] == "ok"
    said = found.get("model, requests", {}).get("said", "")
    assert any(note in said for note in notes) or not notes


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [("credit", "add credit"), ("key", "check the key"), ("model", "check the model's name")],
)
def test_what_no_call_can_pass_is_told_with_the_endpoints_words_and_what_to_do(
    kind: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = asked_of("xai", monkeypatch, answers={}, trouble=lambda call: kind)["model"]
    _, words, _ = PROFILES["xai"].troubles[kind]
    assert words.rstrip(".") in found["said"]
    assert remedy in found["remedy"]


def test_a_server_without_tool_calls_is_told_with_its_switch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = asked_of("llama.cpp without jinja", monkeypatch, answers={})["model"]
    assert "--jinja" in found["remedy"]


def test_a_model_that_cannot_read_a_long_transcript_is_noted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = lambda call: "long" if len(str(call.messages)) > 20_000 else None  # noqa: E731
    found = asked_of("llama.cpp", monkeypatch, answers={}, trouble=long)["model, long input"]
    assert found["state"] == "note"
    assert "Context size has been exceeded" in found["said"]


def test_a_model_that_need_not_use_tools_may_take_none(server: StandIn) -> None:
    server.refuses = ("tools",)
    assert asked(server, "--set", "tools=none").exit_code == 0


def test_a_model_that_calls_no_tool_is_noted(server: StandIn) -> None:
    server.tool_share = 0.0
    assert findings(asked(server, "--json"))["tools"]["state"] == "note"


def test_a_model_that_does_not_say_what_it_used_is_noted(server: StandIn) -> None:
    server.tells_usage = False
    assert findings(asked(server, "--json"))["usage"]["state"] == "note"


def test_a_refused_key_fails_and_is_not_shown(server: StandIn) -> None:
    server.status = 401
    result = asked(server)
    assert result.exit_code == 1
    assert SECRET not in result.output


def test_a_secret_that_an_error_quotes_is_hidden() -> None:
    result = doctor("--model", "openai:x", "--base-url", f"http://127.0.0.1:9/{SECRET}")
    assert result.exit_code == 1
    assert SECRET not in result.output
    assert "[OPENAI_API_KEY]" in result.output


def test_keys_are_named_and_never_shown() -> None:
    said = findings(doctor("--json"))["keys"]["said"]
    assert said.startswith("set: OPENAI_API_KEY; not set: TAVILY_API_KEY")


def test_a_model_without_its_key_fails_with_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    result = doctor("--model", "openai:gpt-5-mini")
    assert result.exit_code == 1
    assert "OPENAI_API_KEY is not set" in result.stdout


def test_a_search_engine_without_its_key_fails() -> None:
    result = doctor("--set", "search=brave")
    assert result.exit_code == 1
    assert "BRAVE_API_KEY" in result.stdout


def test_search_is_asked_only_when_that_is_asked_for() -> None:
    Path("notes.jsonl").write_text('{"title": "Wall", "text": "The Great Wall of China."}\n')
    corpus = ("--set", "search=corpus:notes.jsonl", "--json")
    assert "was not queried" in findings(doctor(*corpus))["search"]["said"]
    assert "gave 1 results" in findings(doctor(*corpus, "--search"))["search"]["said"]


def test_a_folder_that_cannot_be_written_fails() -> None:
    result = doctor("--runs-dir", "/proc/runs")
    assert result.exit_code == 1
    assert "✗ runs folder" in result.stdout


def test_a_database_that_is_not_there_fails_without_its_password() -> None:
    pytest.importorskip("psycopg")
    result = doctor("--database", f"postgresql://me:{SECRET}@127.0.0.1:9/runs")
    assert result.exit_code == 1
    assert "✗ database: 127.0.0.1:9/runs" in result.stdout
    assert SECRET not in result.output


def test_an_unknown_setting_is_bad_input() -> None:
    assert doctor("--set", "serach=brave").exit_code == 2
