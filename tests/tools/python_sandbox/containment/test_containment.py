"""Every attack, against every isolation that this machine offers.

The attacks run in a make-believe host (`host.py`), so that they are harmless even where they
succeed. What they achieved is judged from outside, by what became of that host. The rest of the
matrix, and longer times, are for `python -m benchmarks.attacks`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.tools.python_sandbox.containment.arena import Arena, ArenaUnavailable, User
from tests.tools.python_sandbox.containment.attack import Attack, load_attacks

MAY_SUCCEED = {
    ("landlock", "stat_oracle"): "Landlock hides what is in a file, not that it is there",
    ("landlock", "disk_fill"): "the limit is per file; the sum is looked at now and then",
    ("landlock", "inode_fill"): "no limit on the number of files but the time",
}
TELLING = (
    "double_fork_daemon",
    "zombies",
    "kill_everyone",
    "fown_signal",
    "renice_parent",
    "pidfd_getfd",
    "proc_environ",
    "utime_host_file",
    "rename_host",
    "shm_fill",
    "udp",
    "listen_all",
    "sysv_ipc",
)
"""What plain processes cannot withstand: an attack for everything that is watched."""


@pytest.fixture(
    scope="module",
    params=[
        ("namespaces", "ordinary"),
        ("namespaces", "root"),
        ("bubblewrap", "ordinary"),
        ("landlock", "ordinary"),
    ],
    ids="-".join,
)
def tier_and_arena(request: pytest.FixtureRequest) -> Iterator[tuple[str, Arena]]:
    tier, user = request.param
    with open_arena(tier, user) as arena:
        if not arena.offers[tier]:
            pytest.skip(f"this machine does not offer {tier} to this user")
        yield tier, arena


def open_arena(tier: str, user: User) -> Arena:
    try:
        return Arena(tier, user, timeout=0.7)
    except ArenaUnavailable as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("category", sorted({attack.category for attack in load_attacks()}))
def test_they_are_contained(tier_and_arena: tuple[str, Arena], category: str) -> None:
    tier, arena = tier_and_arena
    achieved = {
        attack.id: f"{found}, but: {attack.expect}"
        for attack in load_attacks()
        if attack.category == category
        and (found := arena.attack(attack))
        and (tier, attack.id) not in MAY_SUCCEED
    }
    assert not achieved


def test_nothing_outlives_an_agent_that_is_killed(tier_and_arena: tuple[str, Arena]) -> None:
    assert tier_and_arena[1].kill_agent() == []


def test_attacks_that_are_not_contained_are_seen() -> None:
    def is_contained(attack: Attack) -> bool:
        with open_arena("none", "ordinary") as arena:
            return not arena.attack(attack)

    attacks = [attack for attack in load_attacks() if attack.id in TELLING]
    with ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(is_contained, attacks))
    assert [attack.id for attack, held in zip(attacks, verdicts, strict=True) if held] == []


def test_every_limit_can_be_exceeded() -> None:
    limits = {
        "max_mem_mb": 100,
        "max_agent_mb": 1,
        "max_procs": 0,
        "max_wall": 1,
        "max_num": {"COUNT": 1},
        "absent": ["COUNT"],
        "want": ["NOTHING"],
        "next": ["print(1)", "2"],
    }
    code = "import time; text = 'x' * 200_000_000; print('COUNT 2'); time.sleep(0.2)"
    with open_arena("none", "ordinary") as arena:
        achieved = arena.attack(Attack("greedy", "memory", code, "seen", limits))
    assert len(achieved) == len(limits)
