"""Words in every script, in the form that SQLite's full-text search needs."""

import regex

from training_free_grpo.tools.letters import fold, space_out
from training_free_grpo.tools.signs import name_signs

# A vowel sign is part of its word; optional marks are removed before SQLite sees a text.
TOKENIZER = "porter unicode61 remove_diacritics 0 categories ''L* N* Co M*''"
"""The option `tokenize` of an FTS5 table, for use between single quotes."""
_WORD = regex.compile(r"[\p{L}\p{N}\p{M}\p{Co}]+")


def spell_out(text: str) -> str:
    """Write a text so that the tokenizer finds its words, and C# as C sharp."""
    return space_out(name_signs(fold(text)))


def find_words(text: str) -> list[str]:
    """Return the words of a text in order, in lower case."""
    return list(_WORD.findall(spell_out(text)))
