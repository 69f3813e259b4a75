"""Words as the index knows them, in every script."""

import re
import unicodedata

# Scripts without spaces between words: each character is a word there, and pairs find the words.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
# What Hebrew and Arabic writers may leave out: points, vowel signs, and strokes that stretch.
_OPTIONAL = re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u0610-\u061a\u0640\u064b-\u065f\u0670]")


def spell_out(text: str) -> str:
    """Write a text so that the index's tokenizer finds the words of every script."""
    if text.isascii():
        return text
    text = _OPTIONAL.sub("", unicodedata.normalize("NFKC", text))
    return _UNSPACED.sub(r" \g<0> ", text)


def find_words(text: str) -> list[str]:
    """Return the words of a text in their order, in lower case."""
    return re.findall(r"\w+", spell_out(text).lower())
