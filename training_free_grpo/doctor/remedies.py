"""Remedies for an endpoint that fails, by its error."""

from training_free_grpo.models import ModelError
from training_free_grpo.models.endpoint import WITHOUT_TOOLS, takes_no_tools
from training_free_grpo.models.errors import BadRequest, Filtered, TooLong, Unusable
from training_free_grpo.models.traffic.error_report import causes, read_report
from training_free_grpo.models.traffic.failures import finds_nobody
from training_free_grpo.models.traffic.refusals import REMEDIES, find_refusal

_BUSY = "it is busy or rate-limited: try again later, or check its limits"


def remedy_for(error: Exception) -> str:
    """Return what a user can do about a call that failed."""
    report = read_report(error)
    if takes_no_tools(report.words):
        return WITHOUT_TOOLS
    if any(map(finds_nobody, causes(error))):
        return "check that the server runs, its address in --base-url, and the network"
    if refusal := find_refusal(report):
        return REMEDIES[refusal]
    if report.status in (429, 503, 529) or isinstance(error, TimeoutError):
        return _BUSY
    if report.status is not None and report.status >= 500:
        return "the endpoint itself fails: try again later, or another --base-url"
    if isinstance(error, TooLong):
        return "start its server with a longer context, or use another model"
    if isinstance(error, Filtered):
        return "its filter rejects a harmless request: check its settings, or use another model"
    if isinstance(error, Unusable):
        return "raise the limit (--set max_output_tokens=8000), or use another model"
    if isinstance(error, BadRequest):
        return (
            "it rejects this form of request: read its message, set or remove what it names "
            "(--set model_options.NAME=VALUE, or null), or use another model"
        )
    return "choose another model, or another --base-url"


def explain(name: str, error: Exception, last_failure: str | None = None) -> str:
    """Describe the failure of a call; the model is named only once."""
    if isinstance(error, TimeoutError):
        why = f"; it said last: {last_failure}" if last_failure else ""
        return f"{name} did not answer in time{why}"
    said = str(error) if isinstance(error, ModelError) else f"{type(error).__name__}: {error}"
    said = said.partition("\n")[0]  # what follows is the remedy
    return said if said.startswith(name) else f"{name}: {said}"
