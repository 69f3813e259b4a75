import pytest

from training_free_grpo.tools.letters import fold
from training_free_grpo.tools.words import find_words


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Łódź", "lodz"),
        ("Bjørn", "bjorn"),
        ("Đà Nẵng", "da nang"),
        ("Œuvre", "oeuvre"),
        ("DİYARBAKIR Kıvılcım", "diyarbakir kivilcim"),
        ("Þórshöfn", "thorshofn"),
        ("الْقَاهِرَة", "القاهرة"),
        ("שָׁלוֹם", "שלום"),
        ("١٩٤٥ १९४७ １２", "1945 1947 12"),
        ("Ein\u00adste\u2060in\u200f", "einstein"),
        ("10² 2½", "10^2 2 1/2"),
        ("ｶﾞ", "ガ"),
    ],
)
def test_what_writers_may_leave_out_is_left_out(text: str, plain: str) -> None:
    assert fold(text) == plain


@pytest.mark.parametrize(
    ("one", "other"),
    [("राम", "रोम"), ("мой", "мои"), ("か", "が"), ("กา", "กำ"), ("10²", "102"), ("মন", "মান")],
)
def test_marks_that_distinguish_words_stay(one: str, other: str) -> None:
    assert fold(one) != fold(other)
    assert find_words(one) != find_words(other)


def test_a_vowel_sign_is_part_of_its_word() -> None:
    assert find_words("राम दिल्ली") == ["राम", "दिल्ली"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C++", ["c", "plus", "plus"]),
        ("C#", ["c", "sharp"]),
        ("type O−", ["type", "o", "minus"]),
        ("B♭ major", ["b", "flat", "major"]),
        ("10 %", ["10", "percent"]),
        ("a-b, 1990-1995 # x + y", ["a", "b", "1990", "1995", "x", "y"]),
    ],
)
def test_signs_that_carry_meaning_are_words(text: str, words: list[str]) -> None:
    assert find_words(text) == words
