"""What is checked before the first call is paid for: models, endpoints, tools."""

from training_free_grpo.models import Models
from training_free_grpo.models.preflight import check_endpoints
from training_free_grpo.rollouts.toolbox import start_tools
from training_free_grpo.settings import Settings
from training_free_grpo.threads import in_thread


async def check_parts(models: Models, settings: Settings, *, uses_tools: bool) -> None:
    """Raise SettingsError or Refused for a model, an endpoint or a tool that cannot be used."""
    await in_thread(models.check, settings)
    await check_endpoints(settings)
    if uses_tools:
        await start_tools(settings)
