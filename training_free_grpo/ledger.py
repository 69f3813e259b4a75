"""Count the usage of model calls, by role.

A meter wraps a piece of work and sees every model call in it, including those in tasks and nested
graphs, and those whose result was discarded and retried.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from langchain_core.messages import AIMessage, AnyMessage

from training_free_grpo.records import Ledger, Role, Usage

_meter: ContextVar[Ledger | None] = ContextVar("meter", default=None)


def no_usage() -> Usage:
    """Return a usage of zero."""
    return {"calls": 0, "input": 0, "cached": 0, "output": 0, "retries": 0, "repairs": 0}


@contextmanager
def metered() -> Iterator[Ledger]:
    """Collect the usage of the model calls made inside the block; an outer meter sees it too."""
    ledger: Ledger = {}
    token = _meter.set(ledger)
    try:
        yield ledger
    finally:
        _meter.reset(token)
        for role, usage in ledger.items():
            record(role, usage)


def record(role: Role, usage: Usage) -> None:
    """Add usage to the meter that is open here, if any."""
    ledger = _meter.get()
    if ledger is not None:
        ledger[role] = add_usage(ledger.get(role, no_usage()), usage)


def usage_of(message: AIMessage) -> Usage:
    """Read the usage of one answer; a provider that does not report any counts as 0 tokens."""
    usage = no_usage()
    usage["calls"] = 1
    if said := message.usage_metadata:
        usage["input"], usage["output"] = said["input_tokens"], said["output_tokens"]
        usage["cached"] = said.get("input_token_details", {}).get("cache_read", 0) or 0
    return usage


def usage_of_messages(messages: Iterable[AnyMessage]) -> Usage:
    """Add up the usage in a transcript, for agents that call their own models."""
    total = no_usage()
    for message in messages:
        if isinstance(message, AIMessage):
            total = add_usage(total, usage_of(message))
    return total


def add_usage(one: Usage, other: Usage) -> Usage:
    """Add two usages."""
    return {
        "calls": one["calls"] + other["calls"],
        "input": one["input"] + other["input"],
        "cached": one["cached"] + other["cached"],
        "output": one["output"] + other["output"],
        "retries": one["retries"] + other["retries"],
        "repairs": one["repairs"] + other["repairs"],
    }


def add_ledgers(one: Ledger, other: Ledger) -> Ledger:
    """Add two ledgers, role by role: the reducer of usage channels."""
    roles = one.keys() | other.keys()
    return {r: add_usage(one.get(r, no_usage()), other.get(r, no_usage())) for r in sorted(roles)}


def total_usage(ledger: Ledger) -> Usage:
    """Add up all roles."""
    total = no_usage()
    for usage in ledger.values():
        total = add_usage(total, usage)
    return total
