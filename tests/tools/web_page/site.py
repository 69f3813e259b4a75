"""A real web site on this machine that notes who comes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Self

Answer = Callable[[BaseHTTPRequestHandler], None]


class Site(ThreadingHTTPServer):
    """Serves what the test puts on it. `contacts` counts connections, `requests` keeps headers."""

    def __init__(self, tls: SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.contacts = 0
        self.requests: list[dict[str, str]] = []
        self.visited = threading.Event()
        self.released = threading.Event()
        self._answers: dict[str, Answer] = {}
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}{path}"

    def on(self, path: str, answer: Answer) -> str:
        """Answer a path by a function, and return its address."""
        self._answers[path] = answer
        return self.url(path)

    def put(self, path: str, body: bytes | str, status: int = 200, **headers: str) -> str:
        """Serve a body, by default as what it looks like, and return its address."""
        content = body.encode() if isinstance(body, str) else body
        kind = "text/html" if content.startswith(b"<") else "text/plain"
        headed = {"Content-Type": kind, "Content-Length": str(len(content))}
        headed |= {name.replace("_", "-"): value for name, value in headers.items()}

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headed.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(content)

        return self.on(path, answer)

    def redirect(self, path: str, target: str) -> str:
        return self.put(path, "", status=302, Location=target)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append(dict(handler.headers))
        self.visited.set()
        self._answers[handler.path](handler)

    def process_request(self, request: object, client_address: object) -> None:
        self.contacts += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def handle_error(self, request: object, client_address: object) -> None:
        """Readers hang up where the tests want it."""

    @contextmanager
    def running(self) -> Iterator[Self]:
        with self:
            thread = threading.Thread(target=self.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield self
            finally:
                self.released.set()
                self.shutdown()
                thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.answer(self)

    def log_message(self, format: str, *args: object) -> None:
        pass
