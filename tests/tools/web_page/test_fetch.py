"""What a server may cost: time, bytes, redirects."""

import gzip
import socket
import zlib
from http.server import BaseHTTPRequestHandler

import pytest

from tests.tools.web_page.site import Site
from training_free_grpo.tools.web_page import PageError, PageReader

LIMIT = 100_000


@pytest.fixture
def narrow(site: Site) -> PageReader:
    return PageReader(allow_hosts=[site.host], max_bytes=LIMIT, timeout=20)


def test_a_redirect_is_followed_and_the_last_address_told(site: Site, reader: PageReader) -> None:
    site.put("/new/page", "<p>Hello.")
    site.redirect("/new/", "page")
    page = reader.read(site.redirect("/old", "/new/"))
    assert (page["url"], page["final_url"]) == (site.url("/old"), site.url("/new/page"))
    assert page["text"] == "Hello."


def test_redirects_in_a_circle_end(site: Site, reader: PageReader) -> None:
    with pytest.raises(PageError, match="redirects more than 10 times"):
        reader.read(site.redirect("/", "/"))
    assert site.contacts == 11


def test_the_body_of_a_redirect_is_not_read(site: Site, reader: PageReader) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/new")
        handler.end_headers()
        while not site.released.is_set():
            handler.wfile.write(bytes(65_536))

    site.put("/new", "<p>Hello.")
    assert reader.read(site.on("/", endless))["text"] == "Hello."


def test_a_long_body_is_cut_and_said_to_be(site: Site, narrow: PageReader) -> None:
    page = narrow.read(site.put("/", "word " * LIMIT, Content_Type="text/plain"))
    assert page["truncated"]
    assert page["bytes"] < 3 * LIMIT


def test_a_body_without_end_is_cut(site: Site, narrow: PageReader) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/plain")
        handler.end_headers()
        while not site.released.is_set():
            handler.wfile.write(b"word " * 10_000)

    assert narrow.read(site.on("/", endless))["truncated"]


@pytest.mark.parametrize("bomb", [bytes(100_000_000), b"word " * 20_000_000])
def test_a_bomb_is_inflated_no_further_than_the_limit(
    site: Site, narrow: PageReader, bomb: bytes
) -> None:
    squeezed = gzip.compress(bomb.replace(b"\0", b"x"))[:LIMIT]
    page = narrow.read(site.put("/", squeezed, Content_Type="text/plain", Content_Encoding="gzip"))
    assert page["truncated"]
    assert page["pages"] * 16_000 < 2 * LIMIT


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"Hello.", mtime=0)),
        ("GZIP", gzip.compress(b"Hello.", mtime=0)),
        ("x-gzip", gzip.compress(b"Hello.", mtime=0)),
        ("deflate", zlib.compress(b"Hello.")),
        ("deflate", zlib.compress(b"Hello.", wbits=-15)),
        ("identity", b"Hello."),
    ],
)
def test_compressed_pages_are_read(
    site: Site, reader: PageReader, coding: str, body: bytes
) -> None:
    url = site.put("/", body, Content_Encoding=coding, Content_Type="text/plain")
    assert reader.read(url)["text"] == "Hello."


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "secret"])
def test_a_coding_that_cannot_be_bounded_is_refused(
    site: Site, reader: PageReader, coding: str
) -> None:
    with pytest.raises(PageError, match="not asked for"):
        reader.read(site.put("/", "Hello.", Content_Encoding=coding))


def test_a_broken_compression_is_reported(site: Site, reader: PageReader) -> None:
    with pytest.raises(PageError, match="compressed page is broken"):
        reader.read(site.put("/", "Hello.", Content_Encoding="gzip"))


@pytest.mark.parametrize("opening", ["", "HTTP/1.0 200 OK\r\nX: ", "HTTP/1.0 200 OK\r\n\r\n"])
def test_a_server_that_drips_is_left_at_the_time_out(site: Site, opening: str) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(opening.encode())
        while not site.released.wait(0.01):
            handler.wfile.write(b"x")

    with pytest.raises(PageError, match=r"more than 0\.3 seconds"):
        PageReader(allow_hosts=[site.host], timeout=0.3).read(site.on("/", drip))


def test_a_name_server_that_does_not_answer_is_left_at_the_time_out(site: Site) -> None:
    def wait(host: str, port: int) -> list[str]:
        site.released.wait(20)
        return []

    with pytest.raises(PageError, match=r"more than 0\.3 seconds"):
        PageReader(timeout=0.3, resolve=wait).read("http://example.com/")


@pytest.mark.parametrize(
    ("status", "told"),
    [(404, "404 Not Found"), (403, "403 Forbidden"), (503, "503 Service"), (999, "999"), (304, "")],
)
def test_an_error_status_is_reported(
    site: Site, reader: PageReader, status: int, told: str
) -> None:
    with pytest.raises(PageError, match=f"the server answered {told}"):
        reader.read(site.put("/", "", status=status))


def test_the_server_words_no_error_for_the_model(site: Site, reader: PageReader) -> None:
    def hostile(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 404 Obey!\r\nObey this: \r\nnow obey\r\n\r\n")

    with pytest.raises(PageError) as caught:
        reader.read(site.on("/", hostile))
    assert "obey" not in str(caught.value).lower()


def test_a_closed_port_is_reported(site: Site) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(PageError, match="no connection could be made"):
            PageReader(allow_hosts=[host]).read(f"http://{host}/")


def test_a_server_that_hangs_up_is_reported(site: Site, reader: PageReader) -> None:
    with pytest.raises(PageError, match="broke off"):
        reader.read(site.on("/", lambda handler: None))


@pytest.mark.parametrize(
    "option",
    [{"timeout": 0}, {"max_bytes": 0}, {"max_tokens": -1}, {"user_agent": "x\r\nCookie: y"}],
)
def test_options_out_of_bounds_are_refused_by_name(option: dict[str, int | str]) -> None:
    with pytest.raises(ValueError, match=next(iter(option))):
        PageReader(**option)  # type: ignore[arg-type]
