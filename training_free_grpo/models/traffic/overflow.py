"""Whether a prompt was longer than the model reads: each server says it in words of its own."""

from training_free_grpo.models.traffic.error_report import any_of

_SUBJECT = r"\b(?:context|prompt|inputs?|messages?|request|tokens?|conversation|sequence|text)\b"
_BEYOND = (
    r"(?:exceed\w*|too (?:long|large|big)|(?:longer|larger|greater|more) than|beyond|overflow\w*"
    r"|over the|must be <=|must have less|should be)"
)
_BOUND = r"(?:context|prompt|input|model|sequence|token|message|length|size|limit|maximum|<=)"
_OVERFLOW = any_of(
    rf"{_SUBJECT}[^;]{{0,120}}?{_BEYOND}[^;]{{0,140}}?{_BOUND}",
    r"\b(?:prompt|inputs?|context|conversation|request|messages?)\b[^.;]{0,60}"
    r"too (?:long|large|big)",
    r"\binputs?\b[^;]{0,60}must (?:be <|have (?:less|fewer))",
    r"\bcontext[ _](?:length|window|size|limit)|\bcontextwindow",
    r"\bmax(?:imum)? (?:context|prompt|input|sequence|model) (?:length|size|tokens?)",
    r"\b(?:reduce|decrease|shorten|shorter)\b[^.;]{0,40}"
    r"(?:prompt|input|messages?|context|length)",
    r"\btoo many (?:input |prompt |total )?tokens",
    r"\btoken limit|\btoken count[^;]{0,40}exceed|\btokens to keep",
    r"exceed_context|request_too_large|string_above_max_length",
    r"range of input length|input_?length|prompt_?length",
)
_OF_OUTPUT = any_of("output tokens", "completion tokens", "max_(?:completion_|output_|new_)?tokens")
_OF_INPUT = any_of("context", "prompt", "input", "messages", "model length")
_OF_RATE = any_of(
    "per (?:minute|second|hour|day)", "rate.?limit", r"\b[tr]p[md]\b", "quota", "too many requests"
)
_OTHER = (401, 402, 403, 404, 408, 504)


def is_overflow(status: int | None, said: str) -> bool:
    """Tell whether a prompt was longer than the model reads, or than it may ever be."""
    if status == 413:
        return True
    if status == 429 or _OF_RATE.search(said):  # more than a whole minute's tokens: no wait helps
        return "request too large" in said
    if status in _OTHER or not _OVERFLOW.search(said):
        return False
    return not _OF_OUTPUT.search(said) or bool(_OF_INPUT.search(said))
