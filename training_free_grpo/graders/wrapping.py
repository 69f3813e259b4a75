r"""Unwrap a response: models and servers add thoughts, tags, code fences, JSON, quotes."""

import json
import re

import yaml

_THOUGHTS = "think|thinking|thought|reasoning|reflection|scratchpad|analysis"
_OPENED = re.compile(rf"[<◁](?:{_THOUGHTS})[>▷]", re.IGNORECASE)
_CLOSED = re.compile(rf"[<◁]/(?:{_THOUGHTS})[>▷]", re.IGNORECASE)
_SPECIAL = re.compile(r"<\|[A-Za-z_]{1,40}\|>|</?s>|\[/?INST\]|<(?:eos|bos|pad|end_of_turn)>")
_TAG = re.compile(
    r"</?(?:b|i|u|p|em|strong|span|div|br|code|pre|html|body|mark|font|center|h[1-6]|ul|ol|li|small"
    r"|big|tt|math|mn|mrow|td|tr|table)(?:\s[^<>]{0,200})?/?>",
    re.IGNORECASE,
)
_RAISED = re.compile(r"<(su[pb])>([^<>]{1,40})</\1>", re.IGNORECASE)
_ENTITIES = {"&nbsp;": " ", "&lt;": "<", "&gt;": ">", "&amp;": "&", "&#39;": "'", "&quot;": '"'}
_ENTITY = re.compile("|".join(_ENTITIES))
_FENCE = "```"
_FENCED = re.compile(
    r"(?:json|text|txt|plaintext|latex|tex|math|markdown|md|yaml|html|xml)?[ \t]*\n(.*)|([^\n]*)",
    re.DOTALL | re.IGNORECASE,
)
_MOST_BRACES = 20
_ANSWER_KEYS = ("final_answer", "final answer", "answer", "result", "solution", "value", "output")
_SINGLE_BACKSLASH = re.compile(r"(?<!\\)\\(?=[A-Za-z]{2})")
_QUOTES = re.compile(r"([\"'`]{1,3})((?:(?!\1).)+)\1[.\s]*", re.DOTALL)
_COMPLETED = re.compile(
    r"[\s.]{0,9}(?:Q\.?\s?E\.?\s?D\.?|[∎■□◻⬜]|\\(?:blacksquare|square|qed))\s{0,9}$"
)
_EMOJI = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
# What remains of \text, \frac or \boxed after decoding a string with single backslashes.
_CONTROL = re.compile("[\x07\x08\x0b\x0c\t\r]|\n(?:eq|otin|abla|u)\\b")
_DECODED = [
    (re.compile(pattern), command)
    for pattern, command in [
        (r"(?:(?<!\\)\\)?\x07(?=[a-z])", r"\\a"),
        (r"(?:(?<!\\)\\)?\x08(?=[a-z])", r"\\b"),
        (r"(?:(?<!\\)\\)?\x0b(?=[a-z])", r"\\v"),
        (r"(?:(?<!\\)\\)?\x0c(?=[a-z])", r"\\f"),
    ]
]
_DECODED_SPACE = [
    (re.compile(pattern), command)
    for pattern, command in [
        ("\t(?=(?:ext[a-z]{0,3}|frac|ilde)\\{|(?:imes|heta|an|au|o|riangle)\\b)", r"\\t"),
        ("\r(?=(?:ight|angle|ceil|floor)\\b|ho\\b)", r"\\r"),
        ("\n(?=(?:eq|otin|abla|u)\\b)", r"\\n"),
    ]
]


def unwrapped(response: str, most: int) -> str:
    """Return the content of a response without wrapping, limited to this much of its end."""
    text = _spoken(response)[-most:] if "<" in response or "◁" in response else response[-most:]
    if _CONTROL.search(text):
        for pattern, command in _DECODED + _DECODED_SPACE:
            text = pattern.sub(command, text)
    if "<" in text or "&" in text or "INST]" in text:
        text = _SPECIAL.sub("", text)
        text = _RAISED.sub(lambda m: f"{'^' if m[1].lower() == 'sup' else '_'}{{{m[2]}}}", text)
        text = _ENTITY.sub(lambda m: _ENTITIES[m.group()], _TAG.sub(" ", text))
    if not text.isascii():
        text = _EMOJI.sub("", text)
    return uncovered(text)


def repaired(text: str) -> str:
    """Restore the letters of LaTeX commands that a decoder took for control characters."""
    for pattern, command in _DECODED:
        text = pattern.sub(command, text)
    return text


def _spoken(response: str) -> str:
    closed = list(_CLOSED.finditer(response))
    text = response[closed[-1].end() :] if closed else response
    opened = _OPENED.search(text)
    return text[: opened.start()] if opened else text


def uncovered(text: str) -> str:
    """Remove the code fence, the JSON object or the quotes around a text."""
    end = _COMPLETED.sub("", text[-40:])
    text = (text[:-40] + end).strip()
    if text.endswith(_FENCE) and len(text) > len(_FENCE):
        before, _, fenced = text.removesuffix(_FENCE).rpartition(_FENCE)
        content = _FENCED.fullmatch(fenced)  # the output of a program is unknown
        if content and "\\boxed" not in before:
            text = (content[1] or content[2] or "").strip()
    if text.endswith("}") and any(key in text for key in _ANSWER_KEYS):
        stated = _stated(text)
        text = f"<answer>{stated}</answer>" if stated else text
    quoted = _QUOTES.fullmatch(text) if text[:1] in {'"', "'", "`"} else None
    return quoted[2].strip() if quoted else text


def _stated(text: str) -> str:
    """Find the answer in the JSON or Python object that ends a text."""
    start = len(text)
    for _ in range(_MOST_BRACES):
        start = text.rfind("{", 0, start)
        if start < 0:
            break
        value = _loaded(text[start:])
        named = {str(key).casefold(): stated for key, stated in value.items()}
        for key in _ANSWER_KEYS:
            if key in named:
                stated = named[key]
                return ", ".join(map(str, stated)) if isinstance(stated, list) else str(stated)
    return ""


def _loaded(written: str) -> dict[str, object]:
    escaped = _SINGLE_BACKSLASH.sub(r"\\\\", written)
    try:
        value = json.loads(escaped)
    except ValueError:
        try:
            value = yaml.load(escaped, Loader=yaml.BaseLoader)
        except yaml.YAMLError:
            return {}
    return value if isinstance(value, dict) else {}
