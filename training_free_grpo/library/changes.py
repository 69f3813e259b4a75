"""The changes from one library to another, and from step to step."""

from collections.abc import Sequence
from itertools import pairwise

from training_free_grpo.library.lessons import active_experiences, number
from training_free_grpo.records import JSON, Library, Origin


def diff_libraries(old: Library, new: Library) -> list[JSON]:
    """List the lessons that were added, changed or deleted between two libraries."""
    before = {e["id"]: e["content"] for e in active_experiences(old)}
    after = {e["id"]: e["content"] for e in active_experiences(new)}
    changes = []
    for key in sorted(before.keys() | after.keys(), key=number):
        was, now = before.get(key), after.get(key)
        if was != now:
            change = "added" if was is None else "deleted" if now is None else "changed"
            changes.append({"id": key, "change": change, "old": was, "new": now})
    return changes


def trace_changes(versions: Sequence[tuple[int, Library]]) -> list[JSON]:
    """List what each step changed, from the library as every step left it, in order.

    Each change names its step, the problems behind it, and which lessons were merged.
    """
    return [
        {"step": step, **change, **explain(new, change["id"])}
        for (_, old), (step, new) in pairwise(versions)
        for change in diff_libraries(old, new)
    ]


def explain(library: Library, id: str) -> JSON:
    """Return the record of a lesson's last change."""
    lesson = library["experiences"][id]
    heirs = [e["id"] for e in library["experiences"].values() if id in e["parents"]]
    if lesson["status"] == "deleted":
        return {"problems": [], "parents": [], "merged_into": heirs}
    origin: Origin = [lesson["created"], *lesson["updated"]][-1]
    parents = [] if lesson["updated"] else lesson["parents"]
    return {"problems": origin["problems"], "parents": parents, "merged_into": []}
