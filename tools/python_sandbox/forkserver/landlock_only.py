"""Isolation without namespaces: Landlock for files, the filter for everything else."""

import os

from . import kernel, landlock, syscalls
from .folders import make_folder
from .limits import set_limits
from .plan import DEVICES, Plan, readable_files, readable_trees


class LandlockOnly:
    """Each program sees the host's root but can open only its own folder and Python in it.

    It keeps the server's user, since possibly no other can reach Python, without capabilities. The
    number of its processes needs no limit here: the filter prevents it from starting any.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._readable = [*readable_trees(plan), *readable_files()]

    def build(self) -> None:
        """Require Landlock: without it nothing protects the host's files."""
        if not landlock.version():
            raise OSError("this kernel has no Landlock")

    def make_folder(self) -> str:
        """Create the working folder of the next program on the host's file system."""
        return make_folder(self._plan.folders)

    def fork(self) -> int:
        """Fork a process; return what os.fork does."""
        return os.fork()

    def seal(self, folder: str | None) -> None:
        """Enter the working folder, set the limits, and drop all privileges."""
        assert folder
        set_limits(self._plan.memory_mb, self._plan.disk_mb)
        os.chdir(folder)
        landlock.confine(self._readable, [folder], DEVICES)
        kernel.forget_capabilities()
        kernel.drop_capabilities()
        # In the root that bubblewrap builds, the files of others cannot be changed anyway.
        alone = self._plan.walls == "bubblewrap"
        kernel.install_filter(syscalls.build_filter(os.getpid(), may_change_modes=alone))
