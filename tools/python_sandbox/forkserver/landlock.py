"""Landlock: unprivileged rules on files, for this process and its children."""

import os
import struct
from collections.abc import Iterable

from . import kernel

_WRITE_FILE, _READ_FILE, _READ_DIR = 0x2, 0x4, 0x8
_READ = _READ_FILE | _READ_DIR
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM = 0x10, 0x20, 0x80, 0x100, 0x1000
_REFER, _TRUNCATE = 0x2000, 0x4000
_CHANGE = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SYM
_CHANGE |= _REFER | _TRUNCATE
_OF_A_FILE = _READ_FILE | _WRITE_FILE | _TRUNCATE

# What each version of the interface can restrict; later ones add networks and signals.
_FILES = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
_TCP_BIND_AND_CONNECT = 0x3
_ABSTRACT_SOCKETS_AND_SIGNALS = 0x3
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1


def version() -> int:
    """Return the version of the kernel's Landlock, 0 if it has none."""
    try:
        return kernel.call("landlock_create_ruleset", None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def confine(readable: Iterable[str], writable: Iterable[str], devices: Iterable[str]) -> None:
    """Deny every file but these trees and devices, and whatever else this kernel can deny."""
    held_back = _FILES[min(version(), max(_FILES))]
    rules = _create(held_back)
    try:
        for paths, rights in (
            (readable, _READ),
            (writable, _READ | _CHANGE),
            (devices, _READ_FILE | _WRITE_FILE),
        ):
            for path in paths:
                _allow(rules, path, rights & held_back)
        kernel.call("landlock_restrict_self", rules, 0)
    finally:
        os.close(rules)


def _create(held_back: int) -> int:
    attributes = struct.pack("=Q", held_back)
    if version() >= _NETWORK_SINCE:
        attributes += struct.pack("=Q", _TCP_BIND_AND_CONNECT)
    if version() >= _SCOPES_SINCE:
        attributes += struct.pack("=Q", _ABSTRACT_SOCKETS_AND_SIGNALS)
    return kernel.call("landlock_create_ruleset", attributes, len(attributes), 0)


def _allow(rules: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    if not os.path.isdir(path):
        rights &= _OF_A_FILE
    try:
        rule = struct.pack("=Qi", rights, descriptor)
        kernel.call("landlock_add_rule", rules, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)
