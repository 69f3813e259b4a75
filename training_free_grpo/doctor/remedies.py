"""What to do about an endpoint that does not answer, by what it says of it."""

from training_free_grpo.models import ModelError
from training_free_grpo.models.errors import BadRequest
from training_free_grpo.models.traffic.failures import causes, finds_nobody, status_of

_QUOTA = ("quota", "billing", "credit", "payment")
_NAMES = ("model_not_found", "does not exist")


def remedy_for(error: Exception) -> str:
    """Return what a user can do about a call that failed."""
    said = str(error).lower()
    found = list(causes(error))
    status = next((s for e in found if isinstance(e, Exception) and (s := status_of(e))), None)
    if any(word in said for word in _QUOTA):
        return "add credit to the account, or take another endpoint with --base-url"
    if status in (401, 403):
        return "check the key in the environment, and that it is one of this endpoint"
    if status == 404 or any(word in said for word in _NAMES):
        return "check the model's name, and that the address ends as its server wants (often /v1)"
    if any(map(finds_nobody, found)):
        return "check that the server runs, its address in --base-url, and the network"
    if status == 429 or isinstance(error, TimeoutError):
        return "it is busy, or limits the rate: try again later, or see its limits"
    if status is not None and status >= 500:
        return "the endpoint fails by itself: try again later, or another --base-url"
    if isinstance(error, BadRequest):
        return "it takes no request of this form: choose another model, or see what it says"
    return "choose another model, or another --base-url"


def explain(name: str, error: Exception) -> str:
    """Say what a call came to; a model that names itself is named once."""
    if isinstance(error, TimeoutError):
        return f"{name} did not answer in time"
    said = str(error) if isinstance(error, ModelError) else f"{type(error).__name__}: {error}"
    return said if said.startswith(name) else f"{name}: {said}"
