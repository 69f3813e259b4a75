"""A search engine on this machine that answers what it is told to, and notes what it is asked."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Reply:
    """An answer; one that `drips` sends a byte every so many seconds, for as long as it is read."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drips: float = 0.0

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Engine:
    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    """In order; the last one is given again and again."""
    asked: list[Asked] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event = field(default_factory=threading.Event)
    """Closed by `gate.clear()`, it holds every answer back."""

    def play(self, *replies: Reply) -> None:
        self.replies = list(replies)

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def run_engine() -> Iterator[Engine]:
    engine = Engine(replies=[Reply()])
    engine.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            query = dict(parse_qsl(url.query))
            engine.asked.append(Asked(self.command, url.path, query, dict(self.headers), body))
            engine.begun.set()
            engine.gate.wait(20)
            with suppress(OSError):  # The client may have heard enough.
                self.answer(engine.next_reply())

        do_POST = do_GET

        def answer(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if not reply.drips:
                self.wfile.write(reply.content)
            while reply.drips:
                self.wfile.write(b" ")
                time.sleep(reply.drips)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    engine.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield engine
    finally:
        engine.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()
