"""A PostgreSQL server of our own on this machine, in a folder that goes away with it."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import psycopg

PASSWORD = "pass-word-of-the-database"
_BINARIES = ["/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt"]


def find_binaries() -> Path | None:
    """Return the folder of initdb and postgres, of the newest version that is installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    places = [place for root in _BINARIES for place in Path(root).glob("*/bin/initdb")]
    return max(places).parent if places else None


@contextmanager
def postgres_server() -> Iterator[str]:
    """Serve an empty database; yield its address, password included."""
    binaries = find_binaries()
    assert binaries, "PostgreSQL is not installed"
    user = account()
    folder = Path(mkdtemp(prefix="tfgrpo-postgres-"))
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    try:
        data, port = folder / "data", free_port()
        secret = folder / "secret"
        secret.write_text(PASSWORD, "utf-8")
        secret.chmod(0o644)
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "learner"]
        initdb += ["--pwfile", str(secret), "--auth=scram-sha-256", "--no-sync"]
        initdb += ["--encoding=UTF8", "--locale=C"]
        subprocess.run(initdb, user=user, check=True, capture_output=True, cwd=folder)
        serve = [str(binaries / "postgres"), "-D", str(data), "-k", str(folder), "-p", str(port)]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(
            [*serve, "-F"], user=user, cwd=folder, stdout=quiet, stderr=quiet
        ) as server:
            try:
                address = f"postgresql://learner:{PASSWORD}@127.0.0.1:{port}/postgres"
                wait_until_ready(address)
                yield address
            finally:
                server.send_signal(signal.SIGINT)  # now, whoever is connected
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def account() -> str | None:
    """Return whom the server runs as where this is root, which it refuses; None for oneself."""
    if os.geteuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def wait_until_ready(address: str) -> None:
    """Wait until the server takes connections, and has started up behind its port."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("PostgreSQL did not start")
