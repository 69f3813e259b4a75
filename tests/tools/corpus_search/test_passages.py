import json
from pathlib import Path

import pytest

from training_free_grpo.tools.corpus_search import load_passages

PASSAGES = [
    {"title": "Paris", "text": "The capital of France.", "url": "https://a.test"},
    {"title": "Rome", "text": "The capital of Italy."},
]
GUIDE = """\
---
author: someone
---
What comes first.

# The *tea* guide
How to make tea.

## Water
Boil it.

```
# no heading
```

Milk
----
None.

## Water
Again.

## Nothing
"""


def test_passages_are_read_from_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "passages.jsonl"
    lines = "\n\n".join(json.dumps({**passage, "n": 1}) for passage in PASSAGES)
    path.write_text("\ufeff" + lines + "\n", "utf-8")
    assert list(load_passages(path)) == PASSAGES


def test_an_address_may_be_null(tmp_path: Path) -> None:
    path = tmp_path / "passages.jsonl"
    path.write_text('{"title": "x", "text": "y", "url": null}')
    assert list(load_passages(path)) == [{"title": "x", "text": "y"}]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "line 2: not JSON"),
        (b"\xff", "line 2: .*can't decode"),
        (b"[]", "line 2: not a JSON object"),
        (b'{"title": "x"}', "line 2: no 'text'"),
        (b'{"title": null, "text": "x"}', "line 2: no 'title'"),
        (b'{"title": "x", "text": 3}', "line 2: 'text' is not a string"),
        (b'{"title": "x", "text": "\\ud800"}', "line 2: .*surrogates not allowed"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "passages.jsonl"
    path.write_bytes(json.dumps(PASSAGES[0]).encode() + b"\n" + line + b"\n")
    with pytest.raises(ValueError, match=f"passages.jsonl, {reason}"):
        list(load_passages(path))


def test_a_markdown_file_is_cut_at_its_headings(tmp_path: Path) -> None:
    path = tmp_path / "guide.md"
    path.write_text(GUIDE)
    assert [(p["title"], p["url"], p["text"]) for p in load_passages(path)] == [
        ("The tea guide", "guide.md", "What comes first."),
        ("The tea guide", "guide.md#the-tea-guide", "How to make tea."),
        ("The tea guide: Water", "guide.md#water", "Boil it.\n\n```\n# no heading\n```"),
        ("The tea guide: Milk", "guide.md#milk", "None."),
        ("The tea guide: Water", "guide.md#water-1", "Again."),
    ]


def test_a_form_feed_does_not_move_the_headings(tmp_path: Path) -> None:
    path = tmp_path / "old.md"
    path.write_text("one\x0ctwo\n# Next\nthree\n")
    assert [passage["text"] for passage in load_passages(path)] == ["one\x0ctwo", "three"]


def test_a_folder_is_read_with_the_folders_in_it_but_no_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.md", "a/Über uns.md", ".trash/c.md", "d.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("Some text.")
    found = [(passage["title"], passage["url"]) for passage in load_passages(tmp_path)]
    assert found == [("Über uns", "a/Über uns.md"), ("b", "b.md")]


def test_a_long_section_is_cut_where_a_paragraph_ends(tmp_path: Path) -> None:
    path = tmp_path / "long.md"
    paragraphs = [f"{letter} " * 400 for letter in "abcde"]
    path.write_text("# Long\n" + "\n\n".join(paragraphs))
    texts = [passage["text"] for passage in load_passages(path)]
    assert [[part[0] for part in text.split("\n\n")] for text in texts] == [
        ["a", "b"],
        ["c", "d"],
        ["e"],
    ]


def test_nothing_of_a_text_without_a_gap_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "long.md"
    path.write_text("x" * 5_000)
    assert [len(passage["text"]) for passage in load_passages(path)] == [2_000, 2_000, 1_000]


def test_a_folder_without_markdown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no Markdown file"):
        list(load_passages(tmp_path))


def test_a_markdown_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.md").write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match=r"latin\.md: not UTF-8"):
        list(load_passages(tmp_path))
