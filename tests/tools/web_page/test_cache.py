"""What was read is not fetched again for a while."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import pytest

from tests.tools.web_page.site import Answer, Site
from training_free_grpo.tools.web_page import PageError, PageReader


def late(gate: threading.Event, status: int = 200) -> Answer:
    """Answer when the gate opens."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        gate.wait(20)
        handler.send_response(status)
        handler.send_header("Content-Type", "text/plain")
        handler.end_headers()
        handler.wfile.write(b"Hello.")

    return answer


def test_a_page_is_fetched_once_for_all_its_parts(site: Site) -> None:
    reader = PageReader(allow_hosts=[site.host], max_tokens=500)
    url = site.put("/", "word " * 2000, Content_Type="text/plain")
    for page in (1, 2, 3):
        reader.read(url, page=page)
    reader.read(f"{url}#section", "which word?")
    assert site.contacts == 1


def test_after_its_time_a_page_is_fetched_again(site: Site) -> None:
    reader = PageReader(allow_hosts=[site.host], cache_seconds=0)
    reader.read(site.put("/", "Old."))
    assert reader.read(site.put("/", "New."))["text"] == "New."


def test_a_page_that_does_not_fit_is_not_kept(site: Site) -> None:
    reader = PageReader(allow_hosts=[site.host], cache_bytes=10)
    reader.read(site.put("/", "Older."))
    assert reader.read(site.put("/", "Newer."))["text"] == "Newer."


def test_the_page_that_was_read_the_longest_ago_gives_way(site: Site) -> None:
    reader = PageReader(allow_hosts=[site.host], cache_bytes=4 * 10)
    for path in ("/a", "/b", "/a", "/c", "/a", "/b"):
        reader.read(site.put(path, "Hello"))
    assert site.contacts == 4


def test_a_failure_is_not_kept(site: Site, reader: PageReader) -> None:
    with pytest.raises(PageError):
        reader.read(site.put("/", "", status=503))
    assert reader.read(site.put("/", "Hello."))["text"] == "Hello."


def test_threads_that_read_the_same_page_share_one_fetch(site: Site, reader: PageReader) -> None:
    gate = threading.Event()
    url = site.on("/", late(gate))
    with ThreadPoolExecutor(8) as pool:
        pages = [pool.submit(reader.read, url) for _ in range(8)]
        gate.set()
        assert {page.result()["text"] for page in pages} == {"Hello."}
    assert site.contacts == 1


async def test_tasks_and_threads_share_one_fetch(site: Site, reader: PageReader) -> None:
    gate = threading.Event()
    url = site.on("/", late(gate))
    reads = asyncio.gather(
        *(reader.aread(url) for _ in range(8)),
        *(asyncio.to_thread(reader.read, url) for _ in range(2)),
    )
    await asyncio.sleep(0)
    gate.set()
    assert {page["text"] for page in await reads} == {"Hello."}
    assert site.contacts == 1


def test_readers_on_several_loops_share_what_was_read(site: Site, reader: PageReader) -> None:
    url = site.put("/", "Hello.")
    for _ in range(3):
        assert asyncio.run(reader.aread(url))["text"] == "Hello."
    assert site.contacts == 1


async def test_who_is_cancelled_leaves_the_page_to_the_others(
    site: Site, reader: PageReader
) -> None:
    gate = threading.Event()
    url = site.on("/", late(gate))
    first, second = (asyncio.create_task(reader.aread(url)) for _ in range(2))
    await asyncio.to_thread(site.visited.wait, 20)
    first.cancel()
    gate.set()
    assert (await second)["text"] == "Hello."
    with pytest.raises(asyncio.CancelledError):
        await first
    assert site.contacts == 1


async def test_the_event_loop_continues_while_a_page_is_read(
    site: Site, reader: PageReader
) -> None:
    gate = threading.Event()
    reading = asyncio.create_task(reader.aread(site.on("/", late(gate))))
    await asyncio.to_thread(site.visited.wait, 20)
    assert not reading.done()
    gate.set()
    assert (await reading)["text"] == "Hello."
