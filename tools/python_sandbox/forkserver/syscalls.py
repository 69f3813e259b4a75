"""System calls by name: their numbers, and whether a program may make them."""

import platform
from typing import NamedTuple

from . import bpf


class Machine(NamedTuple):
    """What identifies a processor's system calls: the column of its numbers, and its name."""

    column: int
    audit_arch: int


_MACHINES = {
    "x86_64": Machine(0, 0xC000003E),
    "aarch64": Machine(1, 0xC00000B7),
}

# Numbers on x86-64 and on arm64, from the kernel's own headers; - where there is no such call.
_PLAIN = """
read 0 63             write 1 64             readv 19 65            writev 20 66
pread64 17 67         pwrite64 18 68         preadv 295 69          pwritev 296 70
preadv2 327 286       pwritev2 328 287       lseek 8 62             close 3 57
close_range 436 436   sendfile 40 71         copy_file_range 326 285 readahead 187 213
open 2 -              openat 257 56          creat 85 -             access 21 -
faccessat 269 48      faccessat2 439 439     stat 4 -               lstat 6 -
fstat 5 80            newfstatat 262 79      statx 332 291          statfs 137 43
fstatfs 138 44        getdents 78 -          getdents64 217 61      getcwd 79 17
chdir 80 49           fchdir 81 50           mkdir 83 -             mkdirat 258 34
rmdir 84 -            unlink 87 -            unlinkat 263 35        rename 82 -
renameat 264 38       renameat2 316 276      readlink 89 -          readlinkat 267 78
symlink 88 -          symlinkat 266 36       truncate 76 45         ftruncate 77 46
fallocate 285 47      fadvise64 221 223      flock 73 32            fsync 74 82
fdatasync 75 83       umask 95 166           dup 32 23              dup2 33 -
dup3 292 24           pipe 22 -              pipe2 293 59           eventfd 284 -
eventfd2 290 19       poll 7 -               ppoll 271 73           select 23 -
pselect6 270 72       epoll_create 213 -     epoll_create1 291 20   epoll_ctl 233 21
epoll_wait 232 -      epoll_pwait 281 22     epoll_pwait2 441 441   timerfd_create 283 85
timerfd_settime 286 86 timerfd_gettime 287 87
mmap 9 222            munmap 11 215          mprotect 10 226        mremap 25 216
brk 12 214            msync 26 227           mincore 27 232         madvise 28 233
mbind 237 235         set_mempolicy 238 237  get_mempolicy 239 236  membarrier 324 283
rt_sigaction 13 134   rt_sigprocmask 14 135  rt_sigreturn 15 139    rt_sigpending 127 136
rt_sigtimedwait 128 137 rt_sigsuspend 130 133 sigaltstack 131 132   pause 34 -
nanosleep 35 101      clock_nanosleep 230 115 clock_gettime 228 113 clock_getres 229 114
gettimeofday 96 169   time 201 -             times 100 153          alarm 37 -
getitimer 36 102      setitimer 38 103       timer_create 222 107   timer_settime 223 110
timer_gettime 224 108 timer_getoverrun 225 109 timer_delete 226 111
futex 202 98          futex_waitv 449 449    set_robust_list 273 99 set_tid_address 218 96
rseq 334 293          sched_yield 24 124     sched_getaffinity 204 123 sched_getparam 143 121
sched_getscheduler 145 120 sched_get_priority_max 146 125 sched_get_priority_min 147 126
getpriority 140 141   getcpu 309 168         arch_prctl 158 -       getrandom 318 278
getpid 39 172         gettid 186 178         getppid 110 173        getpgrp 111 -
getpgid 121 155       getsid 124 156         getuid 102 174         geteuid 107 175
getgid 104 176        getegid 108 177        getgroups 115 158      getresuid 118 148
getresgid 120 150     getrlimit 97 163       getrusage 98 165       sysinfo 99 179
restart_syscall 219 128 uname 63 160        wait4 61 260           recvfrom 45 207
recvmsg 47 212        shutdown 48 210        getsockname 51 204     getpeername 52 205
getsockopt 55 209      setsockopt 54 208     exit 60 93             exit_group 231 94
"""
_METADATA = """
chmod 90 -            fchmod 91 52           fchmodat 268 53        fchmodat2 452 452
utime 132 -           utimes 235 -           utimensat 280 88
"""
_LIMITED = """
clone 56 220          clone3 435 435         socketpair 53 199      sendto 44 206
kill 62 129           tgkill 234 131         prlimit64 302 261      fcntl 72 25
ioctl 16 29           prctl 157 167
"""
# The calls that the sandbox makes during its own setup.
_SETUP = """
unshare 272 97        setns 308 268          pivot_root 155 41      mount_setattr 442 442
capset 126 91         seccomp 317 277        landlock_create_ruleset 444 444
landlock_add_rule 445 445 landlock_restrict_self 446 446
"""
# Newer calls than these are unknown here; libc tries them, and falls back on "no such call" only.
_NEWEST = 470

_THREAD = 0x10000
_NAMESPACES = 0x7E020080
_AF_UNIX, _SOCK_STREAM, _SOCK_TYPE = 1, 1, 0xF
_DUPFD_GETFD_SETFD_GETFL_SETFL_LOCKS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38)
_DUPFD_CLOEXEC, _GETPIPE_SZ = 1030, 1032
_TCGETS, _TIOCGWINSZ, _FIONREAD, _FIONBIO, _FIOCLEX = 0x5401, 0x5413, 0x541B, 0x5421, 0x5451
_SET_NAME, _GET_NAME, _GET_NO_NEW_PRIVS, _SET_VMA = 15, 16, 39, 0x53564D41
_EPERM, _ENOTTY, _ENOSYS = 1, 25, 38


def machine() -> Machine:
    """Return this processor's system call table; raises OSError if it is unknown."""
    try:
        return _MACHINES[platform.machine()]
    except KeyError:
        raise OSError(f"no table of system calls for {platform.machine()}") from None


def number(name: str) -> int:
    """Return the number of a system call that the setup makes."""
    return _numbers(_SETUP)[name]


def build_filter(pid: int, may_change_modes: bool) -> bytes:
    """Build the filter of a program that is process `pid`: a list of what is allowed.

    No socket, no new process, no other program, no signal to anyone else, no other process's memory
    or limits, no namespace, no key ring, no memory outside of its address space. Landlock does not
    cover modes and times of files: where it alone protects the host's files, programs may not
    change them.
    """
    allowed: dict[int, bpf.Rule] = dict.fromkeys(_numbers(_PLAIN).values(), bpf.ALLOW)
    if may_change_modes:
        allowed |= dict.fromkeys(_numbers(_METADATA).values(), bpf.ALLOW)
    rules = _rules(pid)
    allowed |= {number: rules[name] for name, number in _numbers(_LIMITED).items()}
    return bpf.assemble(machine().audit_arch, allowed, unknown_from=_NEWEST)


def _rules(pid: int) -> dict[str, bpf.Rule]:
    one_of = bpf.Condition
    mine = one_of(0, (pid,))
    return {
        # Threads only: glibc tries clone3 first, whose flags no filter can see.
        "clone": bpf.when(one_of(0, (_THREAD,), mask=_THREAD | _NAMESPACES)),
        "clone3": bpf.refuse(_ENOSYS),
        # A pair of datagram sockets could be aimed at any socket of the host by its path.
        "socketpair": bpf.when(one_of(0, (_AF_UNIX,)), one_of(1, (_SOCK_STREAM,), mask=_SOCK_TYPE)),
        "sendto": bpf.when(one_of(4, (0,)), one_of(4, (0,), high=True)),
        "kill": bpf.when(mine),
        "tgkill": bpf.when(mine),
        "prlimit64": bpf.when(one_of(0, (0, pid))),
        # Excludes the commands that send signals (F_SETOWN) or grow pipes beyond the memory limit.
        "fcntl": bpf.when(
            one_of(1, (*_DUPFD_GETFD_SETFD_GETFL_SETFL_LOCKS, _DUPFD_CLOEXEC, _GETPIPE_SZ))
        ),
        "ioctl": bpf.when(
            one_of(1, (_TCGETS, _TIOCGWINSZ, _FIONREAD, _FIONBIO, _FIOCLEX)), otherwise=_ENOTTY
        ),
        "prctl": bpf.when(one_of(0, (_SET_NAME, _GET_NAME, _GET_NO_NEW_PRIVS, _SET_VMA))),
    }


def _numbers(table: str) -> dict[str, int]:
    words = table.split()
    columns = zip(words[::3], zip(words[1::3], words[2::3], strict=True), strict=True)
    column = machine().column
    return {name: int(both[column]) for name, both in columns if both[column] != "-"}
