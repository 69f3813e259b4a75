"""Letters and digits of every script, without their optional marks."""

import unicodedata

import regex

CHARACTER_WORDS = r"\p{Han}\p{Hiragana}\p{Katakana}"
"""Scripts in which a character is nearly a word, for character classes of `regex`."""
UNSPACED = CHARACTER_WORDS + r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts without spaces between words."""

# Accents on Latin and Greek letters, points and vowel signs on Hebrew and Arabic ones. Elsewhere
# marks distinguish words: राम is not रोम, and й is not и.
_OPTIONAL = regex.compile(
    r"(?<=[\p{Latin}\p{Greek}\p{Hebrew}\p{Arabic}\p{Syriac}])[\p{Mn}\p{Me}]+"
    r"|(?<=[\p{Cyrillic}--[гк]])[\u0300\u0301]|(?<=е)\u0308|[\u0640\ufe00-\ufe0f\u20e3]",
    regex.VERSION1,
)
_NO_SPACE = regex.compile(r"(?!\u200b)\p{Cf}")
_SPACE = regex.compile(r"\u200b|(?<=\p{Arabic})\u200c(?=\p{Arabic})")
# Compatibility forms would join these to the preceding digit: 10² is not 102, nor is 2½ 21/2.
_FRACTION = regex.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")
_POWER = regex.compile(r"(?<=\d)(?=[⁰¹²³⁴-⁹])")
_INDEX = regex.compile(r"(?<=\d)(?=[₀-₉])")
_NAMED = regex.compile(r"LATIN (?:SMALL |CAPITAL )?(?:LETTER |LIGATURE )([A-Z]{1,2})(?: WITH .*)?")
# Letters whose Unicode names do not spell them, signs that only look different, and a vowel that
# decomposes into a mark and another vowel.
_ALIKE = {
    "ı": "i", "ȷ": "j", "þ": "th", "ð": "d", "ŋ": "ng", "ə": "a", "ɛ": "e", "ɔ": "o", "ʒ": "z",
    "ɑ": "a", "ƿ": "w", "ȝ": "y", "ĸ": "k", "ɩ": "i", "ʋ": "v", "ʊ": "u", "ǝ": "e",
    "ک": "ك", "ی": "ي", "−": "-", "⁄": "/", "∕": "/", "∶": ":", "٫": ".", "٬": ",",
    "’": "'", "‘": "'", "ʼ": "'", "ʻ": "'", "ʹ": "'", "´": "'", "`": "'",
}  # fmt: skip
# In Hindi a nasal before a consonant may be written as a letter or as a dot.
_NASAL = regex.compile(r"[ङञणनम]\u094d(?=[क-ह])")
_UNSPACED_CLUSTER = regex.compile(rf"[{UNSPACED}\p{{Hangul}}]\p{{M}}*")


class _Letters(dict[int, str]):
    """Maps a character to its plain form, computed when it first occurs."""

    def __missing__(self, code: int) -> str:
        self[code] = _plain(chr(code))
        return self[code]


_LETTERS = _Letters()


def fold(text: str) -> str:
    """Write a text in lower case, plain letters and ASCII digits, without invisible characters.

    Łódź becomes lodz, ١٩٤٥ becomes 1945; vowel signs that distinguish words stay.
    """
    if text.isascii():
        return text.lower()
    text = _INDEX.sub("_", _POWER.sub("^", _FRACTION.sub(" ", text.replace("№", "No. "))))
    text = _NO_SPACE.sub("", _SPACE.sub(" ", text))
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = _OPTIONAL.sub("", plain).translate(_LETTERS)
    # Two vowels of Thai and Lao decompose for compatibility only: they are letters of their own.
    plain = plain.replace("\u0e4d\u0e32", "\u0e33").replace("\u0ecd\u0eb2", "\u0eb3")
    return unicodedata.normalize("NFC", _NASAL.sub("\u0902", plain))


def space_out(text: str) -> str:
    """Put spaces around each character in scripts without spaces between words, and in Korean.

    Korean has spaces, but attaches to a word what other languages write before it.
    """
    return text if text.isascii() else _UNSPACED_CLUSTER.sub(r" \g<0> ", text)


def _plain(character: str) -> str:
    if character in _ALIKE or character.isascii():
        return _ALIKE.get(character, character)
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if unicodedata.category(character) == "Pd":
        return "-"
    named = _NAMED.fullmatch(unicodedata.name(character, ""))
    return named[1].lower() if named else character
