"""What is made sure of before the first call is paid for."""

from collections.abc import Awaitable, Callable

from training_free_grpo.models.preflight import check_endpoints
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.settings import Settings


def check_first(settings: Settings, attempter: Attempter) -> Callable[[], Awaitable[None]]:
    """Return the check of the endpoints, and of what attempts need."""

    async def check() -> None:
        await check_endpoints(settings)
        await attempter.check(settings)

    return check
