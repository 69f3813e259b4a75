import gc
from concurrent.futures import ThreadPoolExecutor

import pytest

from training_free_grpo.tools.corpus_search import corpus_search
from training_free_grpo.tools.web_search import SearchProvider

PASSAGES = [
    {"title": "Paris", "text": "The capital of France lies on the Seine.", "url": "https://a.test"},
    {"title": "Rome", "text": "The capital of Italy, unlike Paris, lies on the Tiber."},
    {"title": "The Who", "text": "An English rock band."},
    {"title": "Zürich", "text": "Eine Stadt an der Limmat."},
]


@pytest.fixture
def search() -> SearchProvider:
    return corpus_search(PASSAGES)


def titles(search: SearchProvider, query: str, max_results: int = 5) -> list[str]:
    return [result["title"] for result in search(query, max_results)]


def test_a_result_holds_the_whole_passage(search: SearchProvider) -> None:
    assert search("seine", 1) == [
        {
            "title": "Paris",
            "url": "https://a.test",
            "snippet": "The capital of France lies on the Seine.",
            "source": "corpus",
        }
    ]


def test_a_passage_without_an_address_has_an_empty_one(search: SearchProvider) -> None:
    assert search("tiber", 1)[0]["url"] == ""


def test_the_address_is_not_searched(search: SearchProvider) -> None:
    assert titles(search, "https") == []


def test_a_word_in_the_title_counts_more(search: SearchProvider) -> None:
    assert titles(search, "paris") == ["Paris", "Rome"]


def test_any_word_may_match_and_more_matches_rank_higher(search: SearchProvider) -> None:
    assert titles(search, "Which capital lies on the Tiber in Australia?") == ["Rome", "Paris"]


def test_at_most_max_results_are_found(search: SearchProvider) -> None:
    assert len(titles(search, "capital", 1)) == 1


def test_stopwords_do_not_match_on_their_own_beside_other_words(search: SearchProvider) -> None:
    assert titles(search, "who is an emperor") == []


def test_a_query_of_stopwords_only_searches_them(search: SearchProvider) -> None:
    assert titles(search, "the who")[0] == "The Who"


def test_case_accents_and_endings_do_not_matter(search: SearchProvider) -> None:
    assert titles(search, "ZURICH") == ["Zürich"]
    assert titles(search, "bands rocking") == ["The Who"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?!",
        '"',
        "paris AND",
        "NEAR(",
        "title:*",
        "^-+:{}",
        "_ ½ \x00",
        "日本",
        "\ud800",
        "x " * 9999,
    ],
    ids=ascii,
)
def test_any_text_is_a_valid_query(search: SearchProvider, query: str) -> None:
    assert isinstance(search(query, 3), list)


def test_a_long_query_is_searched_by_its_first_words(search: SearchProvider) -> None:
    assert titles(search, "seine " + " ".join(f"word{n}" for n in range(10_000))) == ["Paris"]


def test_threads_share_a_corpus(search: SearchProvider) -> None:
    words = ["seine", "tiber", "rock", "limmat"] * 25
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda word: titles(search, word), words))
    assert found == [["Paris"], ["Rome"], ["The Who"], ["Zürich"]] * 25


def test_a_dropped_corpus_is_closed_without_a_warning() -> None:
    search = corpus_search(PASSAGES)
    search("paris", 1)
    del search
    gc.collect()


def test_neighbours_in_the_query_find_neighbours_in_the_text() -> None:
    search = corpus_search(
        [
            {"title": "A", "text": "York is old and its theatre is new, new, new."},
            {"title": "B", "text": "A theatre of New York, which is large."},
        ]
    )
    assert titles(search, "new york theatre") == ["B", "A"]


def test_what_the_best_passage_names_is_lifted() -> None:
    search = corpus_search(
        [
            {"title": "Doctor Ox", "text": "A comic opera that Ada Bell composed in 1877."},
            {"title": "Cy Dee", "text": "A composer who was born in a city, a city of music."},
            {"title": "Ada Bell", "text": "She was raised in Lille, a city of mills in France."},
        ]
    )
    question = "In which city was the composer of the comic opera Doctor Ox born?"
    assert titles(search, question)[:2] == ["Doctor Ox", "Ada Bell"]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("法国的首都是巴黎。", "首都"),
        ("フランスの首都はパリです。", "パリ"),
        ("서울은 대한민국의 수도이다.", "수도"),
        ("กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย", "เมืองหลวง"),
        ("الْقَاهِرَةُ عاصمة مصر", "القاهرة"),
        ("יְרוּשָׁלַיִם", "ירושלים"),
        ("Москва - столица России", "МОСКВА"),
        ("ＦＦＴ", "fft"),
        ("Zu\u0308rich", "zürich"),
    ],
)
def test_words_of_every_script_are_found_in_a_sentence(text: str, query: str) -> None:
    search = corpus_search([{"title": "right", "text": text}, {"title": "wrong", "text": "大本部"}])
    assert titles(search, query) == ["right"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("राम", "रोम"),
        ("C#", "C++"),
        ("O−", "O+"),
        ("Łódź", "Gdańsk"),
        ("1945", "1946"),
        ("ปี", "ปู"),
    ],
)
def test_marks_that_distinguish_words_rank_passages(right: str, wrong: str) -> None:
    passages = [{"title": text, "text": f"About {text}."} for text in (wrong, right)]
    assert titles(corpus_search(passages), right)[0] == right


@pytest.mark.parametrize(
    ("text", "query"), [("Łódź", "lodz"), ("١٩٤٥", "1945"), ("Ørsted", "orsted")]
)
def test_letters_and_digits_are_found_by_their_plain_forms(text: str, query: str) -> None:
    assert titles(corpus_search([{"title": "right", "text": text}]), query) == ["right"]


def test_characters_side_by_side_rank_above_the_same_ones_apart() -> None:
    search = corpus_search(
        [
            {"title": "apart", "text": "京都在北方, 北京"},
            {"title": "together", "text": "东京, 东京"},
        ]
    )
    assert titles(search, "东京")[0] == "together"


def test_a_word_of_very_many_passages_gives_way_to_a_rarer_one() -> None:
    search = corpus_search(
        {"title": f"{number}", "text": "common" if number else "common rare"}
        for number in range(20_001)
    )
    assert titles(search, "common rare") == ["0"]
    assert len(titles(search, "common")) == 5


def test_an_empty_corpus_finds_nothing() -> None:
    assert corpus_search([])("paris", 5) == []


def test_a_text_may_hold_any_character() -> None:
    text = 'before \x00 after \U0001f600 "quoted" <tag>'
    search = corpus_search([{"title": "'", "text": text}])
    assert search("after", 1)[0]["snippet"] == text
