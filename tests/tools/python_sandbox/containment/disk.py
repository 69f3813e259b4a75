"""A throw-away file system, which can be written everywhere and is watched from outside of it.

A tmpfs holds homes and secrets; over it lie overlays of the folders that Python needs.
"""

import os
import re
import shutil
import sys
from pathlib import Path

from tests.tools.python_sandbox.containment.host import MS_BIND, MS_MOVE, mount

HOME = Path("/home/sbx")

_CHECKOUT = Path(__file__).resolve().parents[4]
_LIBRARIES = Path("/etc/ld.so.cache")
_DEEPEST = 40
_WORK_FOLDER = re.compile(r"(/tmp/python-sandbox-)\w+")
"""One may be waiting for the next program: what matters is their number, and what is inside."""


class Disk:
    """The file system of the host, seen from outside of it. Raises OSError where it cannot be."""

    def __init__(self) -> None:
        needed = _needed_trees()
        sources = {path: os.open(path, os.O_PATH) for path in (*needed, *_devices())}
        store = Path("/tmp")
        mount("tmpfs", store, "tmpfs", data="size=1500m,nr_inodes=200000,mode=0755")
        self._store = os.open(store, os.O_RDONLY | os.O_DIRECTORY)
        root = store / "root"
        root.mkdir()
        # Overlays cover this second view of the folder, not the first: `survey` stays cheap.
        mount(root, root, flags=MS_BIND)
        self._layers = {str(number): path for number, path in enumerate(needed)}
        for number, path in self._layers.items():
            layer = store / "layers" / number
            for part in ("upper", "work"):
                (layer / part).mkdir(parents=True)
            place = root / path.relative_to("/")
            place.mkdir(parents=True)
            lower = f"lowerdir=/proc/self/fd/{sources[path]}"
            mount(
                "overlay", place, "overlay", f"{lower},upperdir={layer}/upper,workdir={layer}/work"
            )
        for path in _devices():
            place = root / path.relative_to("/")
            place.parent.mkdir(exist_ok=True)
            place.touch()
            mount(f"/proc/self/fd/{sources[path]}", place, flags=MS_BIND)
        for kind, name, data in (
            ("proc", "proc", ""),
            ("devpts", "dev/pts", "newinstance,ptmxmode=0666"),
            ("mqueue", "dev/mqueue", ""),
        ):
            (root / name).mkdir()
            mount(kind, root / name, kind, data)
        _copy_from_host(root)
        for descriptor in sources.values():
            os.close(descriptor)
        os.chdir(root)
        mount(root, "/", flags=MS_MOVE)
        os.chroot(".")
        os.chdir("/")

    def survey(self) -> dict[str, str]:
        """Describe everything that was ever written, by its path, down to its last change."""
        found: dict[str, str] = {}
        pending = ["root", *(f"layers/{number}/upper" for number in self._layers)]
        while pending:
            folder = pending.pop()
            with os.scandir(f"/proc/self/fd/{self._store}/{folder}") as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}"
                    stat = entry.stat(follow_symlinks=False)
                    is_folder = entry.is_dir(follow_symlinks=False)
                    # A folder's times change with every work folder that comes and goes.
                    age = "" if is_folder else f" {stat.st_size} {stat.st_ctime_ns}"
                    name = _WORK_FOLDER.sub(r"\1*", self._name(path))
                    found[name] = found.get(name, "") + f"{stat.st_mode:o} {stat.st_uid}{age}\n"
                    if is_folder and path.count("/") < _DEEPEST:
                        pending.append(path)
        return found

    def _name(self, path: str) -> str:
        area, _, rest = path.partition("/")
        if area == "root":
            return f"/{rest}"
        number, _, rest = rest.partition("/")
        return str(self._layers[number] / rest.removeprefix("upper/"))


def _needed_trees() -> list[Path]:
    """List what Python needs to run, without folders that lie in another one."""
    system = [Path("/usr"), *(Path("/") / name for name in ("bin", "sbin", "lib", "lib64"))]
    trees = [path for path in system if path.is_dir() and not path.is_symlink()]
    for name in (sys.base_prefix, sys.prefix, str(_CHECKOUT)):
        trees.append(Path(name).resolve())
    return [tree for tree in dict.fromkeys(trees) if not set(tree.parents) & set(trees)]


def _devices() -> list[Path]:
    names = ("null", "zero", "full", "random", "urandom", "tty", "kmsg")
    return [path for name in names if (path := Path("/dev") / name).exists()]


def _copy_from_host(root: Path) -> None:
    for name in ("bin", "sbin", "lib", "lib64"):
        if (link := Path("/") / name).is_symlink():
            (root / name).symlink_to(link.readlink())
    (root / "dev" / "ptmx").symlink_to("pts/ptmx")
    (root / "dev" / "fd").symlink_to("/proc/self/fd")
    if _LIBRARIES.exists():
        (root / "etc").mkdir()
        shutil.copy(_LIBRARIES, root / "etc")


def furnish(owner: int) -> None:
    """Make the folders that every host has, and the files that every program looks for."""
    for name in ("tmp", "var/tmp", "dev/shm"):
        Path("/", name).mkdir(parents=True, exist_ok=True)
        Path("/", name).chmod(0o1777)
    # A Python below /root must stay within reach of others.
    for name in ("run", "etc", "root"):
        Path("/", name).mkdir(mode=0o755, exist_ok=True)
    for name, text in {
        "passwd": f"root:x:0:0:root:/root:/bin/sh\nsbx:x:{owner}:{owner}::{HOME}:/bin/sh\n",
        "group": f"root:x:0:\nsbx:x:{owner}:\n",
        "hostname": "victim\n",
        "machine-id": "0123456789abcdef0123456789abcdef\n",
        "hosts": "127.0.0.1 localhost\n",
        "resolv.conf": "nameserver 127.0.0.1\n",
        "nsswitch.conf": "hosts: files dns\n",
    }.items():
        Path("/etc", name).write_text(text)


def plant(path: Path, text: str, owner: int, mode: int = 0o600) -> None:
    """Write a file that belongs to the agent, in folders that do."""
    missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    for part in (path, *missing):
        shutil.chown(part, owner, owner)
