"""What the tools cost, beside what one would use without them: `python -m benchmarks.tools`.

Sandbox: a program in a fresh Python (`subprocess.run`, no walls) is the baseline. Page reading: a
bare httpx.get of the same page. Search: the same engine, a local server, without the cache.
`--stress 10000` runs that many mixed programs at 1, 16 and 128 at once, and counts wrong outputs
and what is left behind.
"""

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from training_free_grpo.tools.python_sandbox import PythonSandbox
from training_free_grpo.tools.web_page import PageReader
from training_free_grpo.tools.web_search import SearchResult, cached

PRINT = "print(1 + 1)"
FACTOR = "import sympy\nx = sympy.symbols('x')\nprint(sympy.factor(x**4 - 1))"
PAGE = "<html><body><article>" + "<p>A sentence of some length, again.</p>" * 500
ROW = "{:<44}{:>10}{:>10}{:>12}"


def milliseconds(call: Callable[[], object], times: int) -> list[float]:
    """Time a call, and return milliseconds in order."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1000)
    return sorted(taken)


def show(name: str, taken: list[float], baseline: float | None = None) -> float:
    """Print the median and the 99th percentile, and how often the baseline's median fits in."""
    median = statistics.median(taken)
    ratio = f"{baseline / median:.1f} ×" if baseline else ""
    print(ROW.format(name, f"{median:.2f}", f"{taken[int(len(taken) * 0.99)]:.2f}", ratio))
    return median


def throughput(sandbox: PythonSandbox, code: str, runs: int) -> float:
    """Return runs per second with as many callers as the sandbox has workers."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        start = time.perf_counter()
        list(pool.map(sandbox.run, [code] * runs))
        return runs / (time.perf_counter() - start)


def plain(code: str) -> Callable[[], object]:
    """Return a run without a sandbox."""
    return lambda: subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def measure_sandbox(runs: int) -> None:
    """Time programs, and sessions, beside a fresh Python."""
    with PythonSandbox() as sandbox:
        print(f"Python sandbox ({sandbox.isolation}, {os.cpu_count()} processors)")
        print(ROW.format("", "p50 ms", "p99 ms", "faster by"))
        for name, code in (("print(1 + 1)", PRINT), ("sympy.factor", FACTOR)):
            base = show(f"subprocess.run, no walls: {name}", milliseconds(plain(code), 8))
            show(f"sandbox.run: {name}", milliseconds(partial(sandbox.run, code), runs), base)
            session = sandbox.session()
            show(f"session.run: {name}", milliseconds(partial(session.run, code), runs), base)
            session.close()
        for name, code in (("print(1 + 1)", PRINT), ("sympy.factor", FACTOR)):
            print(f"runs per second, {name}: {throughput(sandbox, code, 4 * runs):.0f}")


class Site(BaseHTTPRequestHandler):
    """A page, and a search engine that takes 20 ms."""

    def do_GET(self) -> None:
        """Answer with the page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def measure_reading(runs: int) -> None:
    """Time the reading of a page, with its text taken out in a process of its own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_port}"
        print("\nPage reading (a page of 18 kB on this machine)")
        print(ROW.format("", "p50 ms", "p99 ms", ""))
        show(
            "httpx.get, no guard, no text", milliseconds(lambda: httpx.get(f"http://{host}"), runs)
        )
        numbers = iter(range(10**6))
        reader = PageReader(allow_hosts=[host])
        fresh = lambda: reader.read(f"http://{host}/{next(numbers)}")  # noqa: E731
        show("read, a new page", milliseconds(fresh, max(runs // 10, 5)))
        again = lambda: reader.read(f"http://{host}/0", page=1)  # noqa: E731
        show("read, a page read before", milliseconds(again, runs))
        server.shutdown()


def slow_engine(query: str, max_results: int) -> list[SearchResult]:
    """Answer after 20 ms."""
    time.sleep(0.02)
    return [SearchResult(title=query, url="http://example.com", snippet="", source="slow")]


def measure_search(runs: int) -> None:
    """Time a search that was made before, and a group that asks the same at once."""
    with tempfile.TemporaryDirectory() as folder:
        search = cached(slow_engine, Path(folder) / "search.sqlite", name="slow")
        print("\nSearch (an engine that takes 20 ms)")
        print(ROW.format("", "p50 ms", "p99 ms", "faster by"))
        base = show("no cache", milliseconds(lambda: slow_engine("q", 5), runs))
        show("cached, asked before", milliseconds(lambda: search("q", 5), runs), base)
        with ThreadPoolExecutor(16) as pool:
            start = time.perf_counter()
            list(pool.map(lambda n: search(f"group {n // 16}", 5), range(160)))
            print(f"16 askers of 10 new queries: {(time.perf_counter() - start) * 1000:.0f} ms")


def mixed_program(seed: int) -> tuple[str, str, str]:
    """Return a program, its status and what it prints."""
    draw = random.Random(seed)
    number = draw.randrange(10**9)
    return draw.choice(
        [
            (f"print({number})", "ok", f"{number}\n"),
            (f"import sympy\nprint(sympy.Integer({number}) + 1)", "ok", f"{number + 1}\n"),
            (f"open('f', 'w').write('{number}')\nprint(open('f').read())", "ok", f"{number}\n"),
            (f"print({number})\n1 / 0", "error", f"{number}\n"),
            (f"print({number}, flush=True)\nimport os; os._exit(3)", "error", f"{number}\n"),
            (f"x = [{number}] * 10**6\nlen(x)", "ok", "1000000\n"),
            (
                f"from threading import Thread\nThread(target=print, args=({number},)).start()",
                "ok",
                f"{number}\n",
            ),
            (
                f"print({number}, flush=True)\nimport ctypes; ctypes.string_at(0)",
                "crash",
                f"{number}\n",
            ),
        ]
    )


def stress(runs: int) -> None:
    """Run mixed programs, and look for wrong outputs and for what is left."""
    print(f"\n{runs} mixed programs each")
    print(ROW.format("at once", "wrong", "per s", "left over"))
    for width in (1, 16, 128):
        with PythonSandbox(timeout=60) as sandbox, ThreadPoolExecutor(width) as pool:
            list(pool.map(sandbox.run, [PRINT] * 8))
            files, folders = len(os.listdir("/proc/self/fd")), working_folders()
            start = time.perf_counter()
            programs = [mixed_program(seed) for seed in range(runs)]
            results = list(pool.map(lambda p: sandbox.run(p[0]), programs))
            seconds = time.perf_counter() - start
            wrong = sum(
                (result.status, result.stdout) != (status, stdout)
                for result, (_, status, stdout) in zip(results, programs, strict=True)
            )
            left = len(os.listdir("/proc/self/fd")) - files
            left += working_folders() - folders
        print(ROW.format(width, wrong, f"{runs / seconds:.0f}", f"{left + children()}"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process: {peak:.0f} MB")


def working_folders() -> int:
    """Count the folders of programs on this machine's own file system."""
    return len(list(Path(tempfile.gettempdir()).glob("python-sandbox-*")))


def children() -> int:
    """Count the child processes of this one."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return len(listed.split())


def main() -> None:
    """Measure everything, in one run."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--stress", type=int, default=0)
    options = parser.parse_args()
    measure_sandbox(options.runs)
    measure_reading(options.runs)
    measure_search(options.runs)
    if options.stress:
        stress(options.stress)


if __name__ == "__main__":
    main()
