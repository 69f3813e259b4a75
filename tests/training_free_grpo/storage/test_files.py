import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from training_free_grpo.storage.files import replacing, write_atomically


@pytest.mark.parametrize("text", ["", "Größe: ½ 😀\n", "a\r\nb\u2028c", "x" * 1_000_000])
def test_a_text_is_written_as_it_is(tmp_path: Path, text: str) -> None:
    write_atomically(tmp_path / "a.txt", text)
    assert (tmp_path / "a.txt").read_bytes() == text.encode()


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b" / "c.txt", "text")
    assert (tmp_path / "a" / "b" / "c.txt").read_text("utf-8") == "text"


def test_a_new_text_takes_the_place_of_the_old_one_and_nothing_else_stays(tmp_path: Path) -> None:
    for text in ("a longer text", "new"):
        write_atomically(tmp_path / "a.txt", text)
    assert (tmp_path / "a.txt").read_text("utf-8") == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_text_that_cannot_be_written_leaves_the_old_one_whole(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(tmp_path / "a.txt", "new \ud83d")
    assert (tmp_path / "a.txt").read_text("utf-8") == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_in_the_way_is_an_error_that_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomically(tmp_path / "a.txt", "text")
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_stays_as_it_was_until_the_one_in_its_place_is_whole(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.bin", "old")
    with replacing(tmp_path / "a.bin") as part:
        part.write_bytes(b"ne")
        assert (tmp_path / "a.bin").read_text("utf-8") == "old"
        part.write_bytes(b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.txt", "text")
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o644


def test_of_many_writers_one_wins_whole(tmp_path: Path) -> None:
    texts = [letter * 100_000 for letter in "abcdefgh"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: write_atomically(tmp_path / "a.txt", text), texts))
    assert (tmp_path / "a.txt").read_text("utf-8") in texts
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
