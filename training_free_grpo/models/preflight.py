"""Look before leaping: is the endpoint there, and does it take the key? Costs nothing."""

from training_free_grpo.models.errors import Refused
from training_free_grpo.models.http import shared_client
from training_free_grpo.models.names import judge_name, policy_name, reflection_name
from training_free_grpo.models.providers import is_openai
from training_free_grpo.settings import Settings

_PATIENCE = 10.0


async def check_endpoints(settings: Settings) -> None:
    """Raise Refused if an OpenAI-compatible endpoint of the settings cannot be reached."""
    names = (policy_name(settings), reflection_name(settings), judge_name(settings))
    for base_url in {url for name, url in names if url and is_openai(name, url)}:
        await check_endpoint(base_url)


async def check_endpoint(base_url: str) -> None:
    """Ask one endpoint for anything at all; every HTTP answer shows that it is there."""
    client = await shared_client()
    try:
        await client.get(f"{base_url.rstrip('/')}/models", timeout=_PATIENCE)
    except Exception as error:
        raise Refused(
            f"cannot reach {base_url}: {type(error).__name__}: {error}. "
            "Is the server running, and the address right?"
        ) from error
