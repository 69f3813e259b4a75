"""From the bytes of a page to its text."""

import codecs
import io

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from tests.tools.web_page.site import Site
from training_free_grpo.tools.web_page import PageError, PageReader

ARTICLE = """<html><head><title>The  Mayors
of Paris</title></head><body><nav><a href="/">Home</a></nav><main><h1>Mayors</h1>
<p>The first mayor was <b>Bailly</b>, as <a href="/sources.pdf">sources</a> say.</p>
<p>He was an astronomer, who had computed an orbit for the comet of Halley and had written a
history of his science in five volumes before he was elected, two days after the fall of the
Bastille, and gave the king the keys of the city at the gate, with words that are still quoted.</p>
<ul><li>Bailly</li><li>Pétion</li></ul></main><script>steal()</script></body></html>"""


def test_the_main_text_of_a_page_is_markdown(site: Site, reader: PageReader) -> None:
    page = reader.read(site.put("/", ARTICLE))
    assert page["title"] == "The Mayors of Paris"
    assert "# Mayors\n\nThe first mayor was **Bailly**, as sources say." in page["text"]
    assert "- Bailly\n- Pétion" in page["text"]
    assert "steal" not in page["text"]


def test_links_are_shown_where_they_are_wanted(site: Site) -> None:
    reader = PageReader(allow_hosts=[site.host], links=True)
    assert f"[sources]({site.url('/sources.pdf')})" in reader.read(site.put("/", ARTICLE))["text"]


def test_the_page_tells_where_it_came_from(site: Site, reader: PageReader) -> None:
    page = reader.read(site.put("/", ARTICLE, Content_Type="Text/HTML; charset=utf-8"))
    assert (page["status"], page["content_type"]) == (200, "text/html")
    assert page["bytes"] == len(ARTICLE.encode())
    assert (page["page"], page["pages"], page["truncated"]) == (1, 1, False)


@pytest.mark.parametrize(
    "markup",
    [
        "<p>Hello.",
        "Hello.",
        "<!doctype html><p>Hello.",
        '<?xml version="1.0" encoding="latin-1"?><html><body><p>Hello.</p></body></html>',
        "<html><body><p>Hello.",
        "<html>\0<body><p>Hello.</p>",
        "<p>Hello.</p></html></html></body>",
    ],
)
def test_loose_markup_is_read(site: Site, reader: PageReader, markup: str) -> None:
    assert reader.read(site.put("/", markup, Content_Type="text/html"))["text"] == "Hello."


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "text/csv", "application/xml"])
def test_other_text_is_shown_as_it_is(site: Site, reader: PageReader, kind: str) -> None:
    text = '{"a": [1,  2],\n "b": "<p>"}'
    assert reader.read(site.put("/", text, Content_Type=kind))["text"] == text


@pytest.mark.parametrize("kind", ["", "application/octet-stream", "no type; at all"])
def test_what_has_no_type_is_known_by_its_beginning(
    site: Site, reader: PageReader, kind: str
) -> None:
    assert reader.read(site.put("/html", ARTICLE, Content_Type=kind))["title"]
    assert reader.read(site.put("/pdf", pdf("Hello."), Content_Type=kind))["text"] == "Hello."
    assert reader.read(site.put("/text", "a < b", Content_Type=kind))["text"] == "a < b"


@pytest.mark.parametrize("kind", ["image/png", "video/mp4", "application/zip", "font/woff2"])
def test_content_without_text_is_reported_with_its_type(
    site: Site, reader: PageReader, kind: str
) -> None:
    with pytest.raises(PageError, match=f"it holds {kind}, not text"):
        reader.read(site.put("/", "x", Content_Type=kind))


def test_binary_data_declared_as_text_is_reported(site: Site, reader: PageReader) -> None:
    with pytest.raises(PageError, match="binary data"):
        reader.read(site.put("/", b"\x7fELF\0\0\1", Content_Type="text/plain"))


@pytest.mark.parametrize("markup", ["", "  ", "<html></html>", "<script>draw()</script>"])
def test_a_page_without_text_is_reported(site: Site, reader: PageReader, markup: str) -> None:
    with pytest.raises(PageError, match=r"no text|is empty"):
        reader.read(site.put("/", markup, Content_Type="text/html"))


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("Zoë für 5 €".encode("cp1252"), "iso-8859-1"),
        ("Zoë für 5 €".encode("iso8859-15"), "iso-8859-15"),
        ("Zoë für 5 €".encode("cp1252"), None),
        ("Zoë für 5 €".encode("cp1252"), "utf-8"),
        ("Zoë für 5 €".encode("cp1252"), "no-such-code"),
        ("Zoë für 5 €".encode("cp1252"), "zlib"),
        ("Zoë für 5 €".encode(), "iso-8859-1"),
        ("Zoë für 5 €".encode(), None),
        (codecs.BOM_UTF8 + "Zoë für 5 €".encode(), "iso-8859-1"),
        ("Zoë für 5 €".encode("utf-16"), "utf-8"),
        ("Zoë für 5 €".encode("utf-32"), None),
        (codecs.BOM_UTF16_BE + "Zoë für 5 €".encode("utf-16-be"), None),
        ("Zoë für 5 €".encode("utf-16-le"), "utf-16-le"),
        ("東京の市長".encode("shift_jis"), "Shift_JIS"),
        ("東京の市長".encode("iso2022_jp"), "ISO-2022-JP"),
        ("北京市长".encode("gb18030"), "gb2312"),
        ("мэр Москвы".encode("cp1251"), "windows-1251"),
    ],
)
def test_characters_survive_what_is_declared(
    site: Site, reader: PageReader, body: bytes, charset: str | None
) -> None:
    kind = f"text/plain; charset={charset}" if charset else "text/plain"
    text = reader.read(site.put("/", body, Content_Type=kind))["text"]
    assert text in ("Zoë für 5 €", "東京の市長", "北京市长", "мэр Москвы")


@pytest.mark.parametrize("meta", ['charset="cp1251"', 'content="text/html; charset=cp1251"'])
def test_the_charset_may_stand_in_the_page(site: Site, reader: PageReader, meta: str) -> None:
    markup = f"<html><head><meta {meta}></head><body><p>Мэр Москвы</p></body></html>"
    assert reader.read(site.put("/", markup.encode("cp1251")))["text"] == "Мэр Москвы"


TEXTS = {
    "cp932": "東京は日本の首都であり、①番目の大都市です。",
    "euc_jp": "東京は日本の首都であり、世界でも有数の大都市です。",
    "gb18030": "北京是中华人民共和国的首都，是全国的政治、文化中心。",
    "big5hkscs": "臺北市是中華民國的首都，也是臺灣的政治與文化中心。",
    "cp949": "서울은 대한민국의 수도이자 똠방각하의 도시이다.",
    "cp874": "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย",
    "koi8-r": "Москва является столицей и крупнейшим городом России.",
    "cp1251": "Москва является столицей и крупнейшим городом России.",
    "cp1253": "Η Αθήνα είναι η πρωτεύουσα της Ελλάδας.",
    "cp1255": "ירושלים היא עיר הבירה של מדינת ישראל.",
    "cp1256": "القاهرة هي عاصمة جمهورية مصر العربية.",
    "cp1250": "Žluté listí padá ze stromů a slunce svítí nad městem Třebíč u řeky.",
    "iso2022_jp": "東京は日本の首都であり、世界でも有数の大都市です。",
    "cp1252": "L’été est très agréable à Orléans, où les cafés sont animés.",
}
LABELS = [
    ("x-sjis", "cp932"),
    ("Windows-31J", "cp932"),
    ("ms_kanji", "cp932"),
    ("x-euc-jp", "euc_jp"),
    ("x-gbk", "gb18030"),
    ("gb_2312-80", "gb18030"),
    ("x-x-big5", "big5hkscs"),
    ("windows-949", "cp949"),
    ("ks_c_5601-1987", "cp949"),
    ("windows-874", "cp874"),
    ("TIS-620", "cp874"),
    ("koi8", "koi8-r"),
    ("x-cp1251", "cp1251"),
    ("csisolatin1", "cp1252"),
]


@pytest.mark.parametrize(("label", "codec"), LABELS)
@pytest.mark.parametrize("place", ["header", "quoted header", "meta", "XML"])
def test_a_charset_is_known_by_the_labels_that_browsers_know(
    site: Site, reader: PageReader, label: str, codec: str, place: str
) -> None:
    markup = f"<html><head><title>.</title></head><body><p>{TEXTS[codec]}</p></body></html>"
    kind = "text/html"
    if place == "meta":
        markup = markup.replace("<title>", f"<meta charset='{label}'><title>")
    elif place == "XML":
        markup = f'<?xml version="1.0" encoding="{label}"?>{markup}'
    else:
        kind += f'; charset="{label}"' if "quoted" in place else f"; charset={label}"
    page = reader.read(site.put("/", markup.encode(codec), Content_Type=kind))
    assert page["text"] == TEXTS[codec]


@pytest.mark.parametrize("codec", TEXTS)
@pytest.mark.parametrize("declared", [None, "utf-8", "no-such-code"])
def test_a_charset_that_nothing_declares_is_detected(
    site: Site, reader: PageReader, codec: str, declared: str | None
) -> None:
    if codec == "iso2022_jp" and declared == "utf-8":
        pytest.skip("such bytes are valid UTF-8")
    kind = f"text/plain; charset={declared}" if declared else "text/plain"
    page = reader.read(site.put("/", TEXTS[codec].encode(codec), Content_Type=kind))
    assert page["text"] == TEXTS[codec]


def test_a_few_broken_bytes_do_not_change_the_charset(site: Site, reader: PageReader) -> None:
    body = "été à Orléans ".encode() * 20 + b"\xff"
    text = reader.read(site.put("/", body, Content_Type="text/plain; charset=utf-8"))["text"]
    assert text.startswith("été à Orléans")


def test_a_body_cut_within_a_character_is_read(site: Site) -> None:
    reader = PageReader(allow_hosts=[site.host], max_bytes=1001)
    text = reader.read(site.put("/", "é" * 1000, Content_Type="text/plain"))["text"]
    assert text == "é" * 500


def test_what_cannot_be_seen_is_taken_out(site: Site, reader: PageReader) -> None:
    unseen = "\x1b\x07\u202e\u2066\u200b\u200d\u2060\ufeff\u00ad\U000e0041\U000e0101\ue000"
    spaced = f"a{unseen}\x85b\u00a0c\u3000d\u2028e\r\nf"
    markup = f"<title>a{unseen}b</title><p>a{unseen}&#8203;b</p>"
    text = reader.read(site.put("/", spaced, Content_Type="text/plain"))["text"]
    page = reader.read(site.put("/html", markup))
    assert text == "ab c d\ne\nf"
    assert (page["title"], page["text"]) == ("ab", "ab")


def test_a_pdf_is_read_page_after_page(site: Site, reader: PageReader) -> None:
    page = reader.read(site.put("/", pdf("One.", "Two."), Content_Type="application/pdf"))
    assert page["text"] == "One.\n\nTwo."
    assert page["title"] == "A report"


def test_a_pdf_under_the_name_of_html_is_read(site: Site, reader: PageReader) -> None:
    assert reader.read(site.put("/", pdf("Hello.")))["text"] == "Hello."


def test_a_pdf_that_needs_a_password_is_reported(site: Site, reader: PageReader) -> None:
    url = site.put("/", pdf("x", password="secret"), Content_Type="application/pdf")
    with pytest.raises(PageError, match="password"):
        reader.read(url)


def test_a_pdf_that_anyone_may_open_is_read(site: Site, reader: PageReader) -> None:
    url = site.put("/", pdf("Hello.", password=""), Content_Type="application/pdf")
    assert reader.read(url)["text"] == "Hello."


@pytest.mark.parametrize(
    "body",
    [b"", b"%PDF-1.7", b"%PDF-1.7\n" + bytes(1000), b"%PDF-1.4\ntrailer<</Root 1 0 R>>"],
)
def test_a_broken_pdf_is_reported(site: Site, reader: PageReader, body: bytes) -> None:
    with pytest.raises(PageError):
        reader.read(site.put("/", body, Content_Type="application/pdf"))


@pytest.mark.parametrize(
    ("tag", "depth"), [("div", 200_000), ("b", 200_000), ("table", 200), ("ul", 500), ("a", 5_000)]
)
def test_deep_markup_does_no_harm(site: Site, reader: PageReader, tag: str, depth: int) -> None:
    nested = f"<p>Hello.</p>{f'<{tag}>' * depth}deep{f'</{tag}>' * depth}"
    assert "Hello." in reader.read(site.put("/", nested))["text"]


def test_markup_that_takes_too_long_is_read_in_a_simpler_way(site: Site) -> None:
    reader = PageReader(allow_hosts=[site.host], timeout=5)
    slow = "<article>" + ("<p>" + "word <a href=x>link</a> " * 60 + "</p>") * 2000 + "</article>"
    assert "word link word" in reader.read(site.put("/", slow))["text"]


def test_a_parser_without_time_is_ended(site: Site) -> None:
    reader = PageReader(allow_hosts=[site.host], timeout=0.5)
    kind = "text/plain; charset=punycode"
    with pytest.raises(PageError, match=r"could not be parsed within 0\.5 seconds"):
        reader.read(site.put("/", "a" * 5_000_000, Content_Type=kind))


def pdf(*pages: str, password: str | None = None) -> bytes:
    """Write a PDF with one line of text a page."""
    writer = PdfWriter()
    writer.add_metadata({"/Title": "A report"})
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in pages:
        page = writer.add_blank_page(width=200, height=200)
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 10 100 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    if password is not None:
        writer.encrypt(password, owner_password="owner", algorithm="RC4-128")
    with io.BytesIO() as file:
        writer.write(file)
        return file.getvalue()
