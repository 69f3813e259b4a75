from langchain_core.language_models import GenericFakeChatModel

from training_free_grpo.models import Models
from training_free_grpo.models.prices import prices_of
from training_free_grpo.prices import FREE, Price
from training_free_grpo.rollouts.user_agent import UserAgent
from training_free_grpo.settings import Settings
from training_free_grpo.simulated import SimulatedModel

SERVER = {"model": "openai:mine", "base_url": "http://localhost:8000/v1"}


def test_every_role_has_the_model_and_the_price_of_its_settings() -> None:
    settings = Settings(
        **SERVER,
        price="1,0.5,2",
        reflection_model="openai:other",
        reflection_price="3,3,3",
        judge_model="openai:third",
        judge_price="4,4,4",
    )
    found = prices_of(Models(), settings)
    assert found["rollout"] == ("openai:mine", Price(1, 0.5, 2))
    assert found["summarize"] == found["edit_experiences"] == ("openai:other", Price(3, 3, 3))
    assert found["extract_advantage"] == found["summarize"]
    assert found["judge"] == ("openai:third", Price(4, 4, 4))


def test_a_price_holds_for_every_role_that_the_model_plays() -> None:
    found = prices_of(Models(), Settings(**SERVER, price="1,0.5,2"))
    assert set(found.values()) == {("openai:mine", Price(1, 0.5, 2))}


def test_a_price_does_not_hold_for_another_model() -> None:
    settings = Settings(**SERVER, price="1,0.5,2", judge_model="openai:other")
    assert prices_of(Models(), settings)["judge"] == ("openai:other", None)


def test_the_judge_has_the_price_of_the_reflection_model_that_it_is() -> None:
    settings = Settings(**SERVER, reflection_model="openai:other", reflection_price="3,3,3")
    assert prices_of(Models(), settings)["judge"] == ("openai:other", Price(3, 3, 3))


def test_a_model_that_was_given_as_an_object_is_in_no_list() -> None:
    models = Models(policy_model=GenericFakeChatModel(messages=iter([])))
    assert prices_of(models, Settings())["rollout"] == ("GenericFakeChatModel", None)
    assert prices_of(models, Settings(price="1,1,1"))["rollout"][1] == Price(1, 1, 1)


def test_an_embedded_model_that_was_given_as_an_object_is_free() -> None:
    models = Models(policy_model=SimulatedModel())
    assert prices_of(models, Settings(**SERVER))["rollout"] == ("simulated", FREE)


def test_an_agent_of_the_users_has_no_listed_price() -> None:
    settings = Settings(model="openai:gpt-5-mini")
    agent = UserAgent(str)
    found = prices_of(Models(), settings, agent.prices(settings))
    assert found["rollout"] == ("your agent's", None)
    assert found["summarize"][1] is not None
    assert agent.prices(Settings(price="1,1,1")) == ("your agent's", Price(1, 1, 1))
