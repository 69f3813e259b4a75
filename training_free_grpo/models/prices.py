"""Which model is asked in which role, and what it costs."""

from typing import TYPE_CHECKING

from langchain_core.language_models import BaseChatModel

from training_free_grpo.models.chat import is_embedded
from training_free_grpo.models.names import Name, judge_name, policy_name, reflection_name
from training_free_grpo.models.objects import know_model
from training_free_grpo.prices import FREE, Prices, RolePrice, find_price, read_price
from training_free_grpo.settings import Settings

if TYPE_CHECKING:
    from training_free_grpo.models import Models

_REFLECTION = ("summarize", "extract_advantage", "edit_experiences")


def prices_of(models: "Models", settings: Settings, rollout: RolePrice | None = None) -> Prices:
    """Return the model and the price of every role: given by the settings, or listed.

    `rollout` is what an attempt asks; None for the policy model.
    """
    policy, reflection, judge = (f(settings) for f in (policy_name, reflection_name, judge_name))
    policy_told, reflection_told, judge_told = (
        settings.price,
        settings.reflection_price or (settings.price if reflection == policy else None),
        settings.judge_price,
    )
    if judge == reflection:
        judge_told = judge_told or reflection_told
    reflector = models.reflector(settings)
    asked = rollout or price_of(policy_told, policy, models.policy_model)
    by_role = dict.fromkeys(_REFLECTION, price_of(reflection_told, reflection, reflector))
    judged = price_of(judge_told, judge, models.judging(settings))
    return {"rollout": asked, "judge": judged} | by_role


def price_of(told: str | None, name: Name, given: BaseChatModel | None = None) -> RolePrice:
    """Return the name and the price of one model; an object tells its own name and address."""
    if given is not None:
        known = know_model(given)
        name = known.name, known.base_url
    if told is not None:
        return name[0], read_price(told)
    return name[0], FREE if given is not None and is_embedded(given) else find_price(*name)
