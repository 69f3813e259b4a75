"""Checks before the first paid call: models, endpoints, and what attempts need."""

from training_free_grpo.models import Models
from training_free_grpo.models.preflight import check_endpoints
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.settings import Settings
from training_free_grpo.threads import in_thread


async def check_parts(models: Models, settings: Settings, attempter: Attempter) -> None:
    """Raise SettingsError or Refused for a model, an endpoint or a tool that cannot be used."""
    await in_thread(models.check, settings)
    await check_endpoints(settings)
    await attempter.check(settings)
