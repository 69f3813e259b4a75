"""Isolation by namespaces: a read-only root of its own, no network, no other process."""

import os
import resource
import signal
import stat

from . import kernel, landlock, syscalls
from .limits import limit, set_limits
from .plan import DEVICES, MAX_FILES, WORK, Plan, readable_files, readable_trees
from .users import ThrowAwayUsers

_THREADS = 64


class Namespaces:
    """Each program is process 1 of a namespace that ends with it.

    An ordinary user owns that namespace through a user namespace. Root needs none: its programs run
    as throw-away users.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._trees = readable_trees(plan)
        self._files = readable_files()
        self._users = ThrowAwayUsers() if os.getuid() == 0 else None
        self._filter = syscalls.build_filter(pid=1, may_change_modes=True)

    def build(self) -> None:
        """Enter namespaces, as process 1 in there, and replace the root."""
        user, group = os.getuid(), os.getgid()
        everything = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET
        everything |= kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS | kernel.CLONE_NEWCGROUP
        kernel.unshare(everything | (0 if self._users else kernel.CLONE_NEWUSER))
        if not self._users:
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{user} {user} 1")
            _write("/proc/self/gid_map", f"{group} {group} 1")
        if inside := os.fork():
            _wait_outside(inside)
        kernel.die_with_parent()
        self._own_processes = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        _build_root(self._trees, [*self._files, *DEVICES])

    def make_folder(self) -> None:
        """Create nothing: the working folder is mounted where only the program sees it."""

    def fork(self) -> int:
        """Fork a process that is number 1 of a new namespace; return what os.fork does."""
        if self._users:
            self._users.next()
        kernel.unshare(kernel.CLONE_NEWPID)
        child = os.fork()
        if child:
            kernel.join_pid_namespace(self._own_processes)
        return child

    def seal(self, folder: str | None) -> None:
        """Mount the working folder, set the limits, and drop all privileges."""
        kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC)
        options = f"size={self._plan.disk_mb}m,nr_inodes={MAX_FILES},mode=0700"
        if self._users:
            options += f",uid={self._users.current},gid={self._users.current}"
        kernel.mount("tmpfs", WORK, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
        set_limits(self._plan.memory_mb, self._plan.disk_mb)
        if self._users:
            self._users.become()
        os.chdir(WORK)
        if not self._users:
            # Threads are counted by user and namespace: in its own, only the program's count.
            kernel.unshare(kernel.CLONE_NEWUSER)
            kernel.forget_capabilities()
        limit(resource.RLIMIT_NPROC, _THREADS)
        if landlock.version():
            landlock.confine([*self._trees, *self._files], [WORK], DEVICES)
        kernel.drop_capabilities()
        kernel.install_filter(self._filter)


def _wait_outside(inside: int) -> None:
    """Represent process 1 of the namespace to the outside, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.closerange(3, 1024)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(inside, 0)[1]) & 0xFF)


def _build_root(trees: list[str], files: list[str]) -> None:
    """Replace the root by an empty read-only one that shows some of the old root's contents."""
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    links = {path: os.path.realpath(path) for path in trees if os.path.islink(path)}
    # Open them before they may be hidden, and not through folders that are closed to this user.
    sources = {
        path: os.open(path, os.O_PATH | os.O_CLOEXEC)
        for path in [*trees, *files]
        if path not in links
    }
    base = "/tmp"
    kernel.mount("tmpfs", base, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=1m,mode=0755")
    for path, source in sources.items():
        place = base + path
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if stat.S_ISDIR(os.fstat(source).st_mode):
            os.makedirs(place, exist_ok=True)
        else:
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY))
        kernel.mount(f"/proc/self/fd/{source}", place, None, kernel.MS_BIND | kernel.MS_REC)
        if path not in DEVICES:
            kernel.make_tree_readonly(place)
        os.close(source)
    for path, target in links.items():
        os.makedirs(os.path.dirname(base + path), exist_ok=True)
        os.symlink(target, base + path)
    os.makedirs(base + WORK)
    kernel.enter_root(base)
    flags = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY
    kernel.mount("none", "/", None, flags | kernel.MS_NOSUID | kernel.MS_NODEV)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
