"""What is made sure of before the first call is paid for."""

from collections.abc import Awaitable, Callable

from training_free_grpo.models.preflight import check_endpoints
from training_free_grpo.rollouts.toolbox import start_tools
from training_free_grpo.settings import Settings


def check_first(settings: Settings, uses_tools: bool) -> Callable[[], Awaitable[None]]:
    """Return the check of the endpoints and of the tools; an agent of the user's has its own."""

    async def check() -> None:
        await check_endpoints(settings)
        if uses_tools:
            await start_tools(settings)

    return check
