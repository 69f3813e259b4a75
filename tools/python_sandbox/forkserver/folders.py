"""Working folders on a shared file system: created, measured and removed from outside."""

import errno
import os
import tempfile
from itertools import count

from .plan import MAX_FILES

_BLOCK = 512


def make_folder(parent: str) -> str:
    """Create an empty folder that only this user may enter."""
    return tempfile.mkdtemp(prefix="python-sandbox-", dir=parent)


def is_overfull(folder: str, megabytes: int) -> bool:
    """Return whether a folder holds more bytes or files than allowed."""
    room, files = megabytes << 20, MAX_FILES
    pending = [folder]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    files -= 1
                    room -= entry.stat(follow_symlinks=False).st_blocks * _BLOCK
                    if files < 0 or room < 0:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError as error:
            # Gone, or closed and therefore empty; an overlong path means deeply nested folders.
            if error.errno == errno.ENAMETOOLONG:
                return True
    return False


def remove_folder(folder: str) -> None:
    """Remove a folder whatever is in it: locked folders, odd names, thousands of nested folders.

    Folders are moved to the top before they are emptied, so that no path gets long and nothing
    recurses. Call it when the last process that could write there is dead.
    """
    top = os.fsencode(folder)
    # A name that the program cannot guess is free.
    secret = os.urandom(8).hex().encode()
    fresh = (os.path.join(top, b"%s-%d" % (secret, number)) for number in count())
    pending = [top]
    while pending:
        place = pending.pop()
        for entry in os.listdir(place):
            path = os.path.join(place, entry)
            if os.path.isdir(path) and not os.path.islink(path):
                os.chmod(path, 0o700)
                pending.append(path if place == top else next(fresh))
                os.rename(path, pending[-1])
            else:
                os.unlink(path)
        if place != top:
            os.rmdir(place)
    os.rmdir(top)
