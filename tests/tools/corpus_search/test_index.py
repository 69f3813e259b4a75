import json
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from training_free_grpo.tools.corpus_search import corpus_search
from training_free_grpo.tools.web_search import SearchProvider, SearchSetupError


def write(path: Path, **texts: str) -> Path:
    lines = (json.dumps({"title": title, "text": text}) for title, text in texts.items())
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "docs.jsonl", Paris="On the Seine.", Rome="On the Tiber.")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "corpus.db"


def titles(search: SearchProvider, query: str) -> list[str]:
    return [result["title"] for result in search(query, 5)]


def test_an_index_is_built_once_and_kept(source: Path, index: Path) -> None:
    corpus_search(source, index)
    built = index.stat()
    assert titles(corpus_search(source, str(index)), "tiber") == ["Rome"]
    assert index.stat() == built
    assert list(index.parent.iterdir()) == [index]


def test_a_changed_source_is_indexed_again(source: Path, index: Path) -> None:
    old = corpus_search(source, index)
    assert titles(old, "limmat") == []
    write(source, Zurich="On the Limmat.")
    assert titles(corpus_search(source, index), "limmat") == ["Zurich"]
    assert titles(old, "seine") == ["Paris"]


def test_a_change_that_keeps_the_size_is_seen_by_its_time(source: Path, index: Path) -> None:
    corpus_search(source, index)
    write(source, Paris="On the Loire.", Rome="On the Tiber.")
    os.utime(source, (1, 1))
    assert titles(corpus_search(source, index), "loire") == ["Paris"]


def test_a_new_file_in_the_folder_is_indexed(tmp_path: Path, index: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.md").write_text("# Paris\nOn the Seine.")
    corpus_search(folder, index)
    (folder / "b.md").write_text("# Rome\nOn the Tiber.")
    assert titles(corpus_search(folder, index), "tiber") == ["Rome"]


def test_a_bad_source_leaves_the_old_index_and_no_draft(source: Path, index: Path) -> None:
    corpus_search(source, index)
    built = index.read_bytes()
    source.write_text("{")
    with pytest.raises(ValueError, match="line 1: not JSON"):
        corpus_search(source, index)
    assert index.read_bytes() == built
    assert list(index.parent.iterdir()) == [index]


@pytest.mark.parametrize("keep", [0, 100, 5_000, 16_384])
def test_a_truncated_index_is_rebuilt(source: Path, index: Path, keep: int) -> None:
    corpus_search(source, index)
    assert index.stat().st_size > keep
    index.write_bytes(index.read_bytes()[:keep])
    assert titles(corpus_search(source, index), "tiber") == ["Rome"]


def test_damage_inside_an_index_is_an_error_that_says_what_to_do(source: Path, index: Path) -> None:
    corpus_search(source, index)
    whole = index.read_bytes()
    index.write_bytes(whole[:8192].ljust(len(whole), b"\xff"))
    with pytest.raises(SearchSetupError, match=r"corpus\.db.* delete it"):
        corpus_search(source, index)("tiber", 5)


def test_another_file_is_not_taken_for_an_index(source: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE valuable (things TEXT)")
    for path in (source, other):
        before = path.read_bytes()
        with pytest.raises(ValueError, match="is not an index"):
            corpus_search(source, path)
        assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_named(source: Path) -> None:
    with pytest.raises(OSError, match=r"docs\.jsonl"):
        corpus_search(source, source / "corpus.db")


def test_a_missing_source_is_named(tmp_path: Path, index: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.jsonl"):
        corpus_search(tmp_path / "absent.jsonl", index)


def test_an_index_in_a_read_only_folder_is_searched(source: Path, index: Path) -> None:
    corpus_search(source, index)
    index.chmod(0o444)
    index.parent.chmod(0o555)
    try:
        assert titles(corpus_search(source, index), "tiber") == ["Rome"]
    finally:
        index.parent.chmod(0o755)
    assert list(index.parent.iterdir()) == [index]


def test_passages_without_a_file_cannot_be_kept(index: Path) -> None:
    with pytest.raises(TypeError, match="pass their path as source"):
        corpus_search([{"title": "x", "text": "y"}], index)


def test_threads_search_a_kept_index(source: Path, index: Path) -> None:
    search = corpus_search(source, index)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda word: titles(search, word), ["seine", "tiber"] * 100))
    assert found == [["Paris"], ["Rome"]] * 100


PROCESS = """
import sys
from training_free_grpo.tools.corpus_search import corpus_search
print([result["title"] for result in corpus_search(sys.argv[1], sys.argv[2])("tiber", 5)])
"""


def test_processes_that_build_at_once_do_not_harm_each_other(source: Path, index: Path) -> None:
    write(source, Rome="On the Tiber.", **{f"n{n}": f"Text {n}." for n in range(5_000)})
    command = [sys.executable, "-W", "error", "-c", PROCESS, str(source), str(index)]
    builders = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [builder.communicate() for builder in builders] == [("['Rome']\n", "")] * 3
    assert list(index.parent.iterdir()) == [index]
