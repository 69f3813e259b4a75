"""Names and objects, of models and tools, and what contradicts them."""

from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from training_free_grpo import Models, Settings, SettingsError, train
from training_free_grpo.models.prices import prices_of
from training_free_grpo.session.given import read_models, read_settings_like, read_tools
from training_free_grpo.simulated import SimulatedModel

KEY: Any = "any"


def gpt(**options: Any) -> ChatOpenAI:
    return ChatOpenAI(model="gpt-4.1-mini", api_key=KEY, **options)


def test_a_chat_model_object_is_recorded_by_its_name_temperature_and_price() -> None:
    settings, models = read_models(Settings(), None, model=gpt(temperature=0.4))
    assert (settings.model, settings.temperature) == ("openai:gpt-4.1-mini", 0.4)
    assert settings.evaluation_temperature == 0.4
    name, price = prices_of(models, settings)["rollout"]
    assert name == "openai:gpt-4.1-mini"
    assert price
    assert price.output > 0


def test_an_object_on_a_server_of_ones_own_has_no_listed_price() -> None:
    model = gpt(base_url="http://name:password@localhost:1/v1")
    settings, models = read_models(Settings(), None, model=model)
    assert prices_of(models, settings)["rollout"] == ("openai:gpt-4.1-mini", None)
    assert "password" not in settings.model_dump_json()


def test_an_object_that_tells_no_name_is_recorded_by_its_class() -> None:
    model = GenericFakeChatModel(messages=iter([]))
    settings, _ = read_models(Settings(), None, model=model)
    assert settings.model == "GenericFakeChatModel"


def test_roles_may_have_objects_of_their_own() -> None:
    settings, models = read_models(
        Settings(), None, model="openai:gpt-5", reflection_model=SimulatedModel()
    )
    assert (settings.model, settings.reflection_model) == ("openai:gpt-5", "simulated")
    assert models.reflector(settings) is models.reflection_model


def test_a_reflection_model_that_is_named_is_asked_beside_an_object() -> None:
    models = Models(policy_model=SimulatedModel())
    settings = Settings(reflection_model="openai:gpt-5")
    assert models.reflector(settings) is None
    assert models.reflection(settings).name == "openai:gpt-5"


@pytest.mark.parametrize(
    ("settings", "models", "model", "said"),
    [
        ({"model": "openai:a"}, None, "openai:b", "model is 'openai:b'.*'openai:a'"),
        ({"model": "openai:a"}, None, gpt(), "'openai:a', and the chat model given.*gpt-4.1-mini"),
        ({"model": "openai:a"}, Models(gpt()), None, "give one of the two"),
        ({}, Models(gpt()), "openai:b", "in the models an object"),
        ({"temperature": 0.1}, None, gpt(temperature=0.4), "'temperature' is 0.1.*0.4"),
    ],
)
def test_what_contradicts_itself_is_refused(
    settings: dict[str, Any], models: Models | None, model: Any, said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        read_models(Settings(**settings), models, model=model)


def test_a_temperature_that_an_object_does_not_take_is_warned_of() -> None:
    model = GenericFakeChatModel(messages=iter([]))
    with pytest.warns(UserWarning, match="'temperature' is 0.1 and has no effect"):
        read_models(Settings(temperature=0.1), None, model=model)


def test_a_setting_that_is_misspelt_is_put_right() -> None:
    with pytest.raises(SettingsError, match="unknown setting 'epoch', did you mean 'epochs'"):
        train([{"problem": "1?"}], settings={"epoch": 3})
    with pytest.raises(ValueError, match="did you mean 'epochs'"):
        Settings(epoch=3)  # type: ignore[call-arg]


def test_a_named_set_brings_its_settings_where_nothing_else_is_said() -> None:
    assert read_settings_like(None, "aime24").attempts == 32
    assert read_settings_like(Settings(attempts=2), "aime24").attempts == 2


def double(n: int) -> int:
    """Double a number."""
    return 2 * n


def test_tools_are_names_or_objects_and_functions_become_tools() -> None:
    settings, none = read_tools(Settings(), ["search", "python"])
    assert (settings.tools, none) == ("python,search", None)
    assert read_tools(Settings(), [])[0].tools == "none"
    _, made = read_tools(Settings(), [double, tool("twice")(double)])
    assert made
    assert [each.name for each in made] == ["double", "twice"]


@pytest.mark.parametrize(
    ("settings", "tools", "said"),
    [
        ({"tools": "python"}, [double], "given twice"),
        ({}, ["python", double], "mixes names"),
        ({}, ["pyhton"], "no tool is called 'pyhton'"),
    ],
)
def test_tools_that_contradict_themselves_are_refused(
    settings: dict[str, Any], tools: Any, said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        read_tools(Settings(**settings), tools)


def test_settings_take_a_list_of_tools() -> None:
    assert Settings(tools=["search", "python"]).tools == "python,search"
