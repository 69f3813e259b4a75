"""Options of models: what they are made with, and what is refused before any call."""

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AnyMessage, HumanMessage

from tests.providers.server import Provider
from training_free_grpo.cli.options import read_settings
from training_free_grpo.models import Models, value_or_reason
from training_free_grpo.models.names import judge_options, reflection_options
from training_free_grpo.models.providers import is_openai, name_key, split_name
from training_free_grpo.settings import Settings, SettingsError

LOCAL = "http://127.0.0.1:9/v1"


TALK: list[AnyMessage] = [HumanMessage("How many?")]


async def ask(server: Provider, **options: Any) -> dict[str, Any]:
    """Make one call of a rollout; return the body that arrived."""
    settings = Settings.read(server.settings | {"max_retries": 0} | options)
    await value_or_reason(Models().policy(settings).call(TALK, role="rollout"))
    return server.calls[-1].body


def read(*pairs: str, config: Path | None = None) -> Settings:
    return read_settings({"config": config, "pairs": list(pairs)})


def test_options_are_set_by_dotted_names() -> None:
    settings = read(
        "model_options.reasoning_effort=low",
        "model_options.top_p=0.9",
        "model_options.extra_body.a.b=true",
        "model_options.temperature=null",
    )
    assert settings.model_options == {
        "reasoning_effort": "low",
        "top_p": 0.9,
        "extra_body": {"a": {"b": True}},
        "temperature": None,
    }


def test_options_are_a_table_of_a_file_and_a_flag_changes_one(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('temperature = ""\n[model_options]\ntop_p = 0.9\nseed = 1\n', "utf-8")
    settings = read("model_options.seed=2", config=file)
    assert settings.model_options == {"top_p": 0.9, "seed": 2}
    assert settings.temperature is None


def test_options_may_be_json_in_a_form() -> None:
    assert Settings.read({"model_options": '{"top_p": 0.9}'}).model_options == {"top_p": 0.9}
    assert Settings.read({"model_options": ""}).model_options == {}


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": "sk-secret"},
        {"headers": {"Authorization": "Bearer sk-secret"}},
        {"extra_body": {"auth": {"token": "sk-secret"}}},
    ],
    ids=str,
)
def test_a_secret_among_options_is_refused_and_not_repeated(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="api_key_env") as caught:
        Settings.read({"model_options": options})
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("given", ["{", "[1]", 3])
def test_options_that_are_no_object_are_refused(given: Any) -> None:
    with pytest.raises(SettingsError, match="model_options"):
        Settings.read({"model_options": given})


def test_a_run_resumes_with_another_key_but_not_with_other_options() -> None:
    one = Settings.read({"model_options": {"api_key_env": "A", "top_p": 0.9}})
    other = Settings.read({"model_options": {"api_key_env": "B", "top_p": 0.9}})
    assert one.essential() == other.essential()
    assert one.essential() != Settings.read({"model_options": {"top_p": 0.8}}).essential()
    assert one.operated_as(other).model_options["api_key_env"] == "B"


def test_roles_share_options_as_far_as_they_share_the_model() -> None:
    shared = {"model": "a", "model_options": {"top_p": 0.9, "seed": 1}}
    same = Settings.read(shared | {"reflection_options": {"seed": None}})
    assert reflection_options(same) == {"top_p": 0.9, "seed": None}
    other = Settings.read(shared | {"reflection_model": "b", "judge_options": {"seed": 3}})
    assert reflection_options(other) == {}
    assert judge_options(other) == {"seed": 3}


async def test_options_stand_in_the_request() -> None:
    with Provider(profile="vllm, hermes") as server:
        sent = {"top_p": 0.9, "provider": {"order": ["x"]}, "extra_body": {"a": 1}}
        body = await ask(server, model_options=sent | {"temperature": None})
    assert (body["top_p"], body["provider"], body["a"]) == (0.9, {"order": ["x"]}, 1)
    assert "temperature" not in body


async def test_no_temperature_is_sent_where_the_setting_is_empty() -> None:
    with Provider(profile="vllm, hermes") as server:
        assert "temperature" not in await ask(server, temperature="")


@pytest.mark.parametrize(
    ("name", "base_url", "split", "compatible"),
    [
        ("openai:gpt-5-mini", None, ("openai", "gpt-5-mini"), True),
        ("gpt-5-mini", None, ("openai", "gpt-5-mini"), True),
        ("qwen3:8b", LOCAL, ("openai", "qwen3:8b"), True),
        ("mistral:7b", LOCAL, ("openai", "mistral:7b"), True),
        ("openai:qwen3:8b", LOCAL, ("openai", "qwen3:8b"), True),
        ("anthropic:claude-x", LOCAL, ("anthropic", "claude-x"), False),
        ("deepseek:deepseek-chat", None, ("deepseek", "deepseek-chat"), True),
    ],
)
def test_a_colon_that_follows_no_provider_belongs_to_the_name(
    name: str, base_url: str | None, split: tuple[str, str], compatible: bool
) -> None:
    assert split_name(name, base_url) == split
    assert is_openai(name, base_url) is compatible


@pytest.mark.parametrize(
    ("name", "base_url", "key"),
    [
        ("openai:x", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
        ("openai:x", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
        ("xai:grok", None, "XAI_API_KEY"),
        ("openai:x", LOCAL, "OPENAI_API_KEY"),
    ],
)
def test_no_provider_is_sent_the_key_of_another(name: str, base_url: str | None, key: str) -> None:
    assert name_key(name, base_url) == key


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "openai:x", "model_options": {"api_key_env": "ABSENT"}}, "ABSENT is not set"),
        ({"model": "openai:x", "model_options": {"model": "y"}}, "'model' cannot be set here"),
        ({"model": "ollama:x", "model_options": {"topp": 1}}, "knows no option 'topp'"),
        ({"model": "qwen3:8b", "base_url": None}, "--base-url"),
        ({"model": "antropic:x", "base_url": None}, "did you mean anthropic"),
    ],
    ids=json.dumps,
)
def test_what_no_model_can_be_made_with_is_refused_before_any_call(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        Models().check(Settings.read({"base_url": LOCAL} | options))
