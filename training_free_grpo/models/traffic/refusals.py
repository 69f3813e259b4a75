"""Which errors mean that no call can succeed, whatever their status, and what to do about them."""

from typing import Literal

from training_free_grpo.models.traffic.error_report import ErrorReport, any_of

Refusal = Literal["credit", "key", "account", "model", "address"]
"""What has to change before any call can succeed."""

REMEDIES: dict[Refusal, str] = {
    "credit": "add credit to the account or raise its limit, or use another endpoint (--base-url)",
    "key": "check the key in the environment, and that it belongs to this endpoint "
    "(model_options.api_key_env names its variable)",
    "account": "check with the provider what the account or organization may use",
    "model": "check the model's name, and that the account may use it",
    "address": "check the model's name, and that the address ends as its server wants (often /v1)",
}

_CREDIT = any_of(
    r"insufficient[ _](?:quota|balance|credits?|funds)|out of (?:credits?|funds|balance)",
    r"credit balance|credits? (?:limit|exhausted|required|depleted)|(?:no|not enough) credits?",
    r"(?:billing|spend(?:ing)?|usage|budget)[ _](?:hard[ _])?(?:limit|cap)[^;]{0,40}"
    r"(?:reach|exceed|hit)",
    r"billing_hard_limit|billing[ _](?:not[ _](?:active|enabled)|disabled)|payment[ _]required",
    r"(?:run|ran) out of|used up|\barrear|overdue|free tier[^;]{0,40}(?:exhausted|ended|expired)",
    r"(?:exceeded|reached|used)[^;]{0,40}"
    r"(?:spend|budget|credits|monthly (?:limit|usage|quota)|usage limit)",
    r"(?:balance|quota|credits?|funds|prepayment)[^.;]{0,30}"
    r"(?:too low|insufficient|not enough|exhausted|depleted|negative)",
)
_QUOTA = any_of("exceeded your current quota")
_BY_THE_MINUTE = any_of("resource_exhausted", "per ?minute", "retrydelay", "please retry in")
_BY_THE_DAY = any_of("per ?day", r"limit: 0\b", "daily (?:limit|quota)")
_A_KEY = r"(?:api[ _-]?key|access[ _]?token|auth\w*[ _]token|credentials?|bearer)"
_KEY = any_of(
    r"(?:invalid|incorrect|expired|missing|revoked|wrong|bad|unauthori[sz]ed|no|a valid|malformed"
    rf"|unknown)[ _]{_A_KEY}",
    rf"{_A_KEY}[^.;]{{0,60}}(?:invalid|incorrect|not valid|expired|missing|revoked|disabled"
    r"|required|not found|not provided|deactivated|deleted|leaked|unauthori[sz]ed)",
    r"authentication[ _](?:fail|error|required)|invalid[ _]authentication|not authenticated",
)
_AN_ACCOUNT = r"(?:organi[sz]ation|account|project|workspace|subscription|team|tenant)"
_ACCOUNT = any_of(
    rf"{_AN_ACCOUNT}[^.;]{{0,60}}(?:restricted|disabled|deactivated|suspended|terminated|banned"
    r"|blocked|not active|inactive|closed|must be verified|not verified|delinquent|locked)",
    r"access_terminated|service_disabled|terms_required|unsupported_country",
    r"(?:location is|territory) not supported",
)
_A_MODEL = r"model[ :]*[`'\"]?[\w./:@-]*[`'\"]?"
_MODEL = any_of(
    rf"{_A_MODEL} (?:is |was |has been |does |could |do )?not (?:be )?(?:found|exist|deployed)",
    rf"{_A_MODEL} (?:doesn't exist|(?:is |was |has been )?(?:decommissioned|retired|shut down))",
    rf"{_A_MODEL} (?:is |has been )?(?:no longer (?:available|supported)|not available)",
    r"model[^.;]{0,80}does not exist|models/\S+ is not found|not a valid model",
    r"(?:unknown|invalid|no such|nonexistent)[ _]model\b(?! (?:parameter|input|output))",
    r"model_(?:not_found|decommissioned|not_available|not_exist)|deployment_?not_?found",
    r"deployment for this resource does not exist|unable to access model|try pulling it first",
    r"access to (?:the )?model",
)
_UNFIT = any_of("no endpoints found", "support", "tool use", "data policy", "guardrail")
"""A 404 of a router: there is the model, but no provider that takes such a request."""


def find_refusal(report: ErrorReport) -> Refusal | None:
    """Return what stands in the way of every call, or None for a failure of another kind."""
    said, status = report.words, report.status
    if status == 402 or is_out_of_credit(said, status):
        return "credit"
    if status == 429:
        return None
    if _KEY.search(said):
        return "key"
    if _ACCOUNT.search(said):
        return "account"
    if _MODEL.search(said):
        return "model"
    if status in (401, 403):
        return "key"
    return "address" if status == 404 and not _UNFIT.search(said) else None


def is_out_of_credit(said: str, status: int | None) -> bool:
    """Tell whether an account has nothing left, as against being asked too fast."""
    if status == 429 and _QUOTA.search(said) and _BY_THE_MINUTE.search(said):
        return bool(_BY_THE_DAY.search(said))
    return bool(_CREDIT.search(said) or (_QUOTA.search(said)))


def sentence(said: str) -> str:
    """Make a sentence of a remedy."""
    return f"{said[0].upper()}{said[1:]}."
