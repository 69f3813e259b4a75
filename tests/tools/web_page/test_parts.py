"""Long texts are read in parts, in their order or by what a question asks."""

import pytest

from tests.tools.web_page.site import Site
from training_free_grpo.tools.web_page import PageError, PageReader

FILLER = "\n\n".join(f"Paragraph {n} speaks of rivers, bridges and weather." for n in range(400))
BUDGET = 500


@pytest.fixture
def short(site: Site) -> PageReader:
    return PageReader(allow_hosts=[site.host], max_tokens=BUDGET)


def put(site: Site, text: str) -> str:
    return site.put("/", text, Content_Type="text/plain; charset=utf-8")


@pytest.mark.parametrize("question", [None, "Which weather did paragraph 7 have?"])
@pytest.mark.parametrize(
    "text",
    [
        FILLER,
        "x" * 20_000,
        "東京は日本の首都である。" * 900,
        "👍" * 5000,
        "# Head\n" * 3000,
        "a b\n" * 5000,
    ],
    ids=["paragraphs", "one word", "no spaces", "four bytes", "headings", "lines"],
)
def test_the_parts_hold_all_of_the_text_each_within_the_budget(
    site: Site, short: PageReader, text: str, question: str | None
) -> None:
    url = put(site, text)
    pages = short.read(url, question)["pages"]
    texts = [short.read(url, question, page)["text"] for page in range(1, pages + 1)]
    assert max(len(part.replace("\n\n[…]\n\n", "").encode()) for part in texts) <= 4 * BUDGET
    kept = sum(len("".join(part.replace("[…]", "").split())) for part in texts)
    assert kept == len("".join(text.split()))
    assert question or "[…]" not in "".join(texts)


def test_without_a_question_a_text_begins_at_its_beginning(site: Site, short: PageReader) -> None:
    url = put(site, FILLER)
    assert short.read(url)["text"].startswith("Paragraph 0 speaks")
    assert not short.read(url, page=2)["text"].startswith("Paragraph 0 speaks")


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("The first mayors of Rivertown were elected in 1791.", "Which mayor?"),
        ("Der Bürgermeister hieß Müller.", "BURGERMEISTER?"),
        ("東京の初代知事は烏丸光徳である。", "知事は誰？"),
        ('The key is "x-y_z" OR not.', '"x-y_z" OR NEAR('),
    ],
)
def test_what_answers_a_question_comes_first(
    site: Site, short: PageReader, sentence: str, question: str
) -> None:
    url = put(site, f"{FILLER}\n\n{sentence}\n\n{FILLER}")
    first = short.read(url, question)["text"]
    assert sentence in first
    assert sentence not in short.read(url)["text"]


def test_within_a_part_the_text_keeps_its_order(site: Site, short: PageReader) -> None:
    url = put(site, f"{FILLER}\n\nMayor one.\n\n{FILLER}\n\nMayor two: mayor, mayor.\n\n{FILLER}")
    text = short.read(url, "mayor")["text"]
    assert text.index("Mayor one") < text.rindex("[…]") < text.index("Mayor two")


@pytest.mark.parametrize("question", ["", "?!", "xyzzy", "the " * 50_000])
def test_a_question_that_nothing_answers_leaves_the_order(
    site: Site, short: PageReader, question: str
) -> None:
    assert short.read(put(site, FILLER), question)["text"].startswith("Paragraph 0 speaks")


@pytest.mark.parametrize("page", [0, -1, 99])
def test_a_part_that_does_not_exist_is_reported(site: Site, short: PageReader, page: int) -> None:
    with pytest.raises(PageError, match=f"no page {page}: choose one from 1 to"):
        short.read(put(site, FILLER), page=page)
