"""What must hold for any input: of the library, the batches, the prompts and the transcripts."""

import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as some

from training_free_grpo.learning.batches import count_steps, draw
from training_free_grpo.library import active_experiences, apply_plan, empty_library, nowhere
from training_free_grpo.library.lessons import count_words, number
from training_free_grpo.prompts import quote
from training_free_grpo.records import Library, Operation
from training_free_grpo.settings import Settings
from training_free_grpo.transcripts import cut, shorten

MOST_WORDS = 8
IDS = some.integers(0, 12).map(lambda n: f"G{n}")
WORDS = ("check", "the", "units", "not", "—", "\n", "é")
LESSONS = some.lists(some.sampled_from(WORDS), max_size=9)
CHARACTERS = some.sampled_from("aß 0é\n\t<>&\"'/\\—\u200b\u202e\x00\ud800漢😀")
OPERATIONS = some.fixed_dictionaries(
    {
        "operation": some.sampled_from(["add", "update", "merge", "delete"]),
        "ids": some.lists(IDS, max_size=3),
        "content": LESSONS.map(" ".join) | some.text(CHARACTERS, max_size=40),
        "rationale": some.just(""),
    }
)
PLANS = some.lists(OPERATIONS, max_size=8)
TAG = "problem"
HOSTILE = some.lists(
    some.sampled_from(["<", "/", ">", " ", "\n", TAG, TAG.upper(), "s", "&lt;", 'n="1"', "é", "ſ"])
    | some.text(CHARACTERS, max_size=3)
).map("".join)


def carry_out(library: Library, plan: list[Operation]) -> Library:
    return apply_plan(library, [(operation, nowhere()) for operation in plan], MOST_WORDS)[0]


@given(some.lists(PLANS, max_size=4))
def test_no_plan_uses_an_id_again_or_forgets_one(plans: list[list[Operation]]) -> None:
    library = empty_library()
    for plan in plans:
        after = carry_out(library, plan)
        new = after["experiences"].keys() - library["experiences"].keys()
        assert library["experiences"].keys() <= after["experiences"].keys()
        assert all(number(id) >= library["next_id"] for id in new)
        assert sorted(map(number, after["experiences"])) == list(range(after["next_id"]))
        library = after


@given(PLANS, PLANS)
def test_a_deleted_lesson_stays_deleted(plan: list[Operation], more: list[Operation]) -> None:
    before = carry_out(empty_library(), plan)
    after = carry_out(before, more)
    for id, lesson in before["experiences"].items():
        if lesson["status"] == "deleted":
            assert after["experiences"][id] == lesson


@given(PLANS)
def test_every_operation_is_applied_or_rejected_and_no_lesson_is_too_long(
    plan: list[Operation],
) -> None:
    given = [(operation, nowhere()) for operation in plan]
    library, applied, rejected = apply_plan(empty_library(), given, MOST_WORDS)
    assert len(applied) + len(rejected) == len(plan)
    for lesson in active_experiences(library):
        assert len(lesson["content"]) > 0
        assert count_words(lesson["content"]) <= MOST_WORDS


@given(
    some.sets(some.text(some.sampled_from("aß0 é漢😀"), max_size=5), min_size=1, max_size=30),
    some.integers(1, 40),
    some.integers(1, 3),
    some.integers(0, 2**32),
    some.booleans(),
)
def test_every_epoch_covers_every_problem_once(
    ids: set[str], batch_size: int, epochs: int, seed: int, shuffle: bool
) -> None:
    settings = Settings(batch_size=batch_size, epochs=epochs, seed=seed, shuffle=shuffle)
    found: dict[int, Counter[str]] = {}
    for step in range(1, count_steps(len(ids), settings) + 1):
        epoch, batch = draw(sorted(ids), step, settings)
        assert 0 < len(batch) <= batch_size
        found.setdefault(epoch, Counter()).update(batch)
    assert found == {epoch: Counter(ids) for epoch in range(1, epochs + 1)}


@given(HOSTILE)
def test_a_quoted_text_can_neither_close_nor_open_its_block(text: str) -> None:
    quoted = quote(TAG, text)
    tags = re.findall(rf"<\s*/?\s*{TAG}\b", quoted, re.IGNORECASE)
    assert tags == [f"<{TAG}", f"</{TAG}"]
    assert quoted.startswith(f"<{TAG}>\n")
    assert quoted.endswith(f"\n</{TAG}>")


@given(HOSTILE)
def test_an_attribute_cannot_leave_its_quotes(text: str) -> None:
    head, _, _ = quote(TAG, "", name=text).partition("\n\n</")
    assert head.startswith(f'<{TAG} name="')
    assert head.endswith('">')
    assert not set('"<>') & set(head.removeprefix(f'<{TAG} name="').removesuffix('">'))


@given(some.text(CHARACTERS, max_size=200), some.integers(0, 120))
def test_a_text_is_shortened_to_its_budget_from_both_ends(text: str, longest: int) -> None:
    shown = shorten(text, longest)
    if len(text) <= longest:
        assert shown == text
        return
    head, _, rest = shown.partition("\n[… about ")
    tail = rest.partition(" tokens were cut here …]\n")[2]
    if "\n[… about " not in text:
        assert len(head) + len(tail) == longest
        assert text.startswith(head)
        assert text.endswith(tail)


@given(some.lists(some.text(CHARACTERS, max_size=300), max_size=8), some.integers(1, 60))
def test_a_transcript_is_cut_to_its_budget(texts: list[str], tokens: int) -> None:
    shown = cut([{"role": "user", "content": text} for text in texts], tokens)
    note = len(f"\n[… about {len(shown)} tokens were cut here …]\n")
    assert len(shown) <= 4 * tokens + note
