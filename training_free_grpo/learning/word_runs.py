"""Compare texts by their words, and by the runs of words that they share."""

import re
from collections.abc import Sequence

_UNSPACED = "\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff"
_TOKEN = re.compile(
    rf"\d+(?:\.\d+)*|[{_UNSPACED}]|[^\W\d_{_UNSPACED}]+(?:['’-][^\W\d_{_UNSPACED}]+)*"
)
_WORDS = """
a about above after again against all also always an and any are as at be been before being
    but by can do does done each every everything few for from get give given go good had has have
    help how if in into is it its just keep let like make many may more most much must need needs no
    not of off on once one only or other our out over own per properly same should so some such
    sure take than that the their them then there these they thing things this those through thus
    time times to too two up us use used using very was way we well were what when where whether
    which while who why will with within without would you your

accuracy accurate accurately action actions agent answer answers approach approaches arithmetic
asked asking attempt attempts attention attentive avoid aware begin best better break breaking
calculate calculated calculating calculation calculations care careful carefully check checked
checking checks clear clearly common complete complex compute computing concise condition
conditions confirm confirming consider content context correct correctly correctness detail
detailed details determine diligent double double-check double-checking down during easily easy
effective effectively efficient ensure ensures ensuring error errors evaluate exact exactly
example examples final finally find first focus follow following general identify identifying
important improve information insert involved involves involving key know lesson logic logical
logically look manageable math mathematical mathematics method methodical methodically methods
mind mistake mistakes multiple name names next pay performing placeholder plan point possible
precise precisely precision problem problem-solving problems process provide provided providing
question questions read reading reason reasonable reasoning recheck relevant remember required
requirements result results review reviewing right sentence sentences simple simpler small smaller
solution solutions solve solving start state stated statement step step-by-step steps strategy
structure structured successful successfully systematic systematically task tasks technique
techniques text think thinking thorough thoroughly tip title try understand understanding
verification verify verifying wisely word words work working write
"""
COMMON = frozenset(_WORDS.split())
"""Words that occur in advice on any task."""


def tokens(text: str) -> list[str]:
    """Split a text into lower-case words and numbers; a Chinese or Japanese character is a word."""
    return _TOKEN.findall(plain(text))


def plain(text: str) -> str:
    """Write a text in lower case, with its numbers without commas."""
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text.casefold())


def runs(words: Sequence[str], length: int) -> frozenset[tuple[str, ...]]:
    """Return every run of this many words."""
    return frozenset(tuple(words[n : n + length]) for n in range(len(words) - length + 1))


def copied(
    words: Sequence[str], length: int, sources: Sequence[frozenset[tuple[str, ...]]]
) -> float:
    """Return the share of words that are part of a run that also occurs in a source."""
    covered: set[int] = set()
    for n in range(len(words) - length + 1):
        if any(tuple(words[n : n + length]) in source for source in sources):
            covered.update(range(n, n + length))
    return len(covered) / len(words) if words else 0.0
