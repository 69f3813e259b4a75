"""Edits of a library: checked first, then applied.

Every function returns a new library and leaves its argument unchanged.
"""

from collections.abc import Iterable, Sequence

from training_free_grpo.library.lessons import (
    FORMAT,
    active_experiences,
    count_words,
    make_experience,
    number,
    one_line,
    words,
)
from training_free_grpo.records import Library, Operation, Origin, Rejection


def find_duplicate(library: Library, content: str, besides: Sequence[str] = ()) -> str | None:
    """Return the id of a lesson in force with the same words, if there is one.

    Case and punctuation do not count, but a single "not" does: judging whether two lessons mean
    nearly the same is up to the model that edits.
    """
    new = words(content)
    for lesson in active_experiences(library):
        if lesson["id"] not in besides and words(lesson["content"]) == new:
            return lesson["id"]
    return None


def check_operation(library: Library, operation: Operation, max_words: int) -> str | None:
    """Return what is wrong with the operation and can be fixed, or None.

    Given the reason, a model can cite another id or shorten the text.
    """
    kind, ids = operation["operation"], operation["ids"]
    known = {e["id"] for e in active_experiences(library)}
    if kind != "add":
        if unknown := [i for i in ids if i not in known]:
            return f"{kind} cites {', '.join(unknown)}, which the library does not hold"
        if kind == "update" and len(ids) != 1:
            return f"update needs exactly one id, not {len(ids)}"
        if kind == "merge" and len(set(ids)) < 2:
            return "merge needs at least two different ids"
        if kind == "delete":
            return None if ids else "delete needs the id of a lesson"
    content = one_line(operation["content"])
    if not content:
        return f"{kind} needs content"
    if (count := count_words(content)) > max_words:
        return f"content has {count} words, but the maximum is {max_words}: {content!r}"
    return None


def check_novelty(library: Library, operation: Operation) -> str | None:
    """Return why the operation would change nothing, or None: a model need not fix that."""
    if operation["operation"] == "delete":
        return None
    replaced = operation["ids"] if operation["operation"] == "merge" else []
    duplicate = find_duplicate(library, operation["content"], besides=replaced)
    return duplicate and f"content says the same as {duplicate}: {operation['content']!r}"


def apply_operation(library: Library, operation: Operation, origin: Origin) -> Library:
    """Carry out an operation that check_operation has accepted."""
    lessons = {key: dict(lesson) for key, lesson in library["experiences"].items()}
    kind, ids, content = operation["operation"], operation["ids"], one_line(operation["content"])
    next_id = library["next_id"]
    if kind == "update":
        updated = [*lessons[ids[0]]["updated"], origin]  # type: ignore[misc]
        lessons[ids[0]] |= {"content": content, "updated": updated}
    if kind in ("merge", "delete"):
        for gone in ids:
            lessons[gone]["status"] = "deleted"
    if kind in ("add", "merge"):
        parents = sorted(set(ids), key=number) if kind == "merge" else []
        lesson = make_experience(f"G{next_id}", content, origin, parents)
        lessons[lesson["id"]] = dict(lesson)
        next_id += 1
    return {"format": FORMAT, "next_id": next_id, "experiences": lessons}  # type: ignore[typeddict-item]


def apply_plan(
    library: Library, plan: Iterable[tuple[Operation, Origin]], max_words: int
) -> tuple[Library, list[Operation], list[Rejection]]:
    """Apply the valid operations in order; return the applied and the rejected ones."""
    applied: list[Operation] = []
    rejected: list[Rejection] = []
    for operation, origin in plan:
        reason = check_operation(library, operation, max_words) or check_novelty(library, operation)
        if reason:
            rejected.append({"operation": {**operation}, "reason": reason})
        else:
            library = apply_operation(library, operation, origin)
            applied.append(operation)
    return library, applied, rejected
