import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from training_free_grpo.learning.contrast import close_group
from training_free_grpo.ledger import no_usage
from training_free_grpo.library import empty_library, load_library, read_library
from training_free_grpo.metrics import measure_step
from training_free_grpo.prices import Price
from training_free_grpo.records import JSON, Grade, Group, Ledger, Metrics, Problem, Rollout
from training_free_grpo.runs.archive import RunArchive
from training_free_grpo.runs.files import read_groups
from training_free_grpo.runs.folder import RunError, RunFolder, name_run
from training_free_grpo.runs.recorder import RunRecorder

SETTINGS: JSON = {"epochs": 3, "seed": 42}
MANIFEST: JSON = {"created": "today", "versions": {"x": "1"}, "parent": None, "data": "abc"}


def line(id: str, text: str = "So \\boxed{42}.", step: int = 1) -> Any:
    messages = [{"role": "user", "content": "6 · 7?"}, {"role": "assistant", "content": text}]
    return {"id": id, "step": step, "messages": messages, "missing": None, "turns": 1}


def close(problem: str, *rewards: float | None) -> Group:
    rollouts: list[Rollout] = []
    grades: dict[str, Grade] = {}
    for n, reward in enumerate(rewards):
        id = f"1/{problem}/{n}"
        rollouts.append({
            "id": id, "attempt": n, "trajectory": None, "answer": "", "tool_calls": 0,
            "turns": 1, "seconds": 0.1, "missing": "Outage: gone" if reward is None else None,
        })  # fmt: skip
        if reward is not None:
            grades[id] = {
                "reward": reward, "verdict": "right" if reward else "wrong", "extracted": "42",
                "critique": "", "method": "test",
            }  # fmt: skip
    return close_group(problem, rollouts, grades, {})


def lines(folder: RunFolder, step: int = 1) -> list[JSON]:
    text = (folder.path / "rollouts" / f"step-{step:04}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.create(SETTINGS, MANIFEST, [])
    return folder


@pytest.fixture
def archive(folder: RunFolder) -> RunArchive:
    return RunArchive(folder.path)


@pytest.fixture
def recorder(folder: RunFolder) -> RunRecorder:
    return RunRecorder(folder.path)


async def test_a_kept_transcript_reads_back_by_its_handle(
    folder: RunFolder, archive: RunArchive
) -> None:
    handle = await archive.keep_rollout(line("1/a/0"))
    assert await archive.read_transcript(handle) == line("1/a/0")["messages"]


async def test_a_handle_is_plain_json_that_another_process_can_read(
    folder: RunFolder, archive: RunArchive
) -> None:
    handles = [await archive.keep_rollout(line(f"1/a/{n}", f"text {n}")) for n in range(3)]
    again: list[Any] = json.loads(json.dumps(handles))
    for n in (2, 0, 1):
        messages = await archive.read_transcript(again[n])
        assert messages[1]["content"] == f"text {n}"


async def test_a_step_has_a_file_of_its_own(folder: RunFolder, archive: RunArchive) -> None:
    for step in (1, 2, 12):
        await archive.keep_rollout(line(f"{step}/a/0", step=step))
    names = sorted(file.name for file in (folder.path / "rollouts").iterdir())
    assert names == ["step-0001.jsonl", "step-0002.jsonl", "step-0012.jsonl"]


@pytest.mark.parametrize("text", ["a\nb\r\nc\u2028d\u0085e", "\\boxed{½}", "\x00\x1f", "😀"])
async def test_any_text_reads_back_as_it_was(
    folder: RunFolder, archive: RunArchive, recorder: RunRecorder, text: str
) -> None:
    handle = await archive.keep_rollout(line("1/a/0", text))
    await archive.keep_rollout(line("1/a/1"))
    await recorder.close_step(1, [close("a", 1.0, 0.0)])
    assert (await archive.read_transcript(handle))[1]["content"] == text


async def test_a_new_folder_is_an_archive_at_once(tmp_path: Path) -> None:
    handle = await RunArchive(tmp_path / "new").keep_rollout(line("1/a/0"))
    assert handle["id"] == "1/a/0"


def test_rollouts_kept_from_many_threads_are_all_whole(
    folder: RunFolder, archive: RunArchive
) -> None:
    def keep(n: int) -> Any:
        return asyncio.run(archive.keep_rollout(line(f"1/a/{n}", f"{n} " * 5000)))

    with ThreadPoolExecutor(8) as pool:
        handles = list(pool.map(keep, range(64)))
    assert sorted(found["id"] for found in lines(folder)) == sorted(f"1/a/{n}" for n in range(64))
    for reader in (archive, RunArchive(folder.path)):
        for n, handle in enumerate(handles):
            messages = asyncio.run(reader.read_transcript(handle))
            assert messages[1]["content"] == f"{n} " * 5000


@pytest.mark.parametrize("torn", [b'{"id": "1/a/1", "mess', b'{"id": "1/a/1", "t": "\xc3', b"{"])
async def test_a_line_torn_by_a_kill_is_survived_and_the_next_is_whole(
    folder: RunFolder, archive: RunArchive, recorder: RunRecorder, torn: bytes
) -> None:
    first = await archive.keep_rollout(line("1/a/0", "first"))
    with (folder.path / "rollouts" / "step-0001.jsonl").open("ab") as file:
        file.write(torn)
    started_again = RunArchive(folder.path)
    second = await started_again.keep_rollout(line("1/a/1", "second"))
    for reader in (started_again, RunArchive(folder.path)):
        assert (await reader.read_transcript(first))[1]["content"] == "first"
        assert (await reader.read_transcript(second))[1]["content"] == "second"
    await recorder.close_step(1, [close("a", 1.0, 0.0)])
    assert [found["id"] for found in lines(folder)] == ["1/a/0", "1/a/1"]


async def test_a_rollout_that_was_made_again_counts_once(
    folder: RunFolder, archive: RunArchive, recorder: RunRecorder
) -> None:
    handle = await archive.keep_rollout(line("1/a/0", "before the kill"))
    await archive.keep_rollout(line("1/a/0", "after the kill"))
    for reader in (archive, RunArchive(folder.path)):
        assert (await reader.read_transcript(handle))[1]["content"] == "after the kill"
    await recorder.close_step(1, [close("a", 1.0)])
    assert len(lines(folder)) == 1


async def test_a_closed_step_has_one_line_per_rollout_with_its_reward_in_order(
    folder: RunFolder,
    archive: RunArchive,
    recorder: RunRecorder,
) -> None:
    for id in ("1/b/1", "1/a/1", "1/b/0", "1/a/0"):
        await archive.keep_rollout(line(id))
    await recorder.close_step(1, [close("a", 1.0, 0.25), close("b", None, 0.0)])
    found = [(row["id"], row["reward"], row["missing"]) for row in lines(folder)]
    assert found == [
        ("1/a/0", 1.0, None),
        ("1/a/1", 0.25, None),
        ("1/b/0", None, "Outage: gone"),
        ("1/b/1", 0.0, None),
    ]


async def test_a_closed_line_is_plain_json_with_the_transcript_last(
    folder: RunFolder, archive: RunArchive, recorder: RunRecorder
) -> None:
    await archive.keep_rollout(line("1/a/0"))
    await recorder.close_step(1, [close("a", 1.0)])
    assert list(lines(folder)[0])[-1] == "messages"
    assert b"\n\n" not in (folder.path / "rollouts" / "step-0001.jsonl").read_bytes()


async def test_a_step_can_be_closed_again_after_a_kill(
    folder: RunFolder, archive: RunArchive, recorder: RunRecorder
) -> None:
    handle = await archive.keep_rollout(line("1/a/0"))
    for _ in range(2):
        await recorder.close_step(1, [close("a", 1.0)])
    assert [row["reward"] for row in lines(folder)] == [1.0]
    assert await archive.read_transcript(handle) == line("1/a/0")["messages"]


async def test_transcripts_read_back_after_their_step_was_closed_in_another_order(
    folder: RunFolder,
    archive: RunArchive,
    recorder: RunRecorder,
) -> None:
    texts = {f"1/a/{n}": str(n) * (n + 1) * 50 for n in (2, 0, 1)}
    handles = {id: await archive.keep_rollout(line(id, text)) for id, text in texts.items()}
    await recorder.close_step(1, [close("a", 1.0, 0.0, 0.5)])
    for id, text in texts.items():
        assert (await archive.read_transcript(handles[id]))[1]["content"] == text


async def test_closing_a_step_leaves_the_others_alone(
    folder: RunFolder, archive: RunArchive, recorder: RunRecorder
) -> None:
    handle = await archive.keep_rollout(line("2/a/0", step=2))
    await archive.keep_rollout(line("1/a/0"))
    await recorder.close_step(1, [close("a", 1.0)])
    assert "reward" not in lines(folder, 2)[0]
    assert await archive.read_transcript(handle) == line("2/a/0")["messages"]


async def test_a_step_without_rollouts_closes(folder: RunFolder, recorder: RunRecorder) -> None:
    await recorder.close_step(1, [close("a")])
    assert not (folder.path / "rollouts").exists()


async def test_a_text_is_kept_once_under_its_content(
    folder: RunFolder, archive: RunArchive
) -> None:
    handles = [await archive.keep_text(text) for text in ("[G0] ½\r\n", "other", "[G0] ½\r\n", "")]
    assert handles[0] == handles[2]
    assert len(list((folder.path / "lessons").iterdir())) == 3
    assert await RunArchive(folder.path).read_text(handles[3]) == ""
    assert (await RunArchive(folder.path).read_text(handles[0])).startswith("[G0] ½")


def test_a_run_exists_once_it_was_started(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.locked():
        assert not folder.exists
        folder.create(SETTINGS, MANIFEST, [])
    assert folder.exists
    assert folder.read_json("settings.json") == SETTINGS


@pytest.mark.parametrize(
    "manifest",
    [
        MANIFEST,
        {**MANIFEST, "created": "tomorrow"},
        {**MANIFEST, "versions": {"x": "2"}},
        {**MANIFEST, "parent": "other"},
    ],
)
def test_the_same_run_may_go_on(folder: RunFolder, manifest: JSON) -> None:
    folder.check_unchanged(SETTINGS, manifest)


def test_a_run_started_differently_is_refused_with_each_difference(folder: RunFolder) -> None:
    settings = {"epochs": 4, "new": True}
    with pytest.raises(RunError) as caught:
        folder.check_unchanged(settings, {**MANIFEST, "data": "xyz"})
    said = str(caught.value)
    assert "data: 'abc' before, 'xyz' now" in said
    assert "epochs: 3 before, 4 now" in said
    assert "new: None before, True now" in said
    assert "seed: 42 before, None now" in said
    assert "created" not in said
    assert "give fork=" in said


@pytest.mark.parametrize("damage", ["", "{", None])
def test_a_damaged_file_of_a_run_is_refused_by_its_name(
    folder: RunFolder, damage: str | None
) -> None:
    file = folder.path / "settings.json"
    file.unlink() if damage is None else file.write_text(damage, "utf-8")
    with pytest.raises(RunError, match=r"settings\.json"):
        folder.check_unchanged(SETTINGS, MANIFEST)


def test_a_run_has_one_holder_in_a_process(folder: RunFolder) -> None:
    with (
        folder.locked(),
        pytest.raises(RunError, match="another process is working"),
        RunFolder(folder.path).locked(),
    ):
        pass


def test_a_run_has_one_holder_among_processes_and_is_free_after_a_kill(folder: RunFolder) -> None:
    hold = (
        "import sys; from pathlib import Path; from training_free_grpo.runs.folder import RunFolder"
        "\nwith RunFolder(Path(sys.argv[1])).locked():\n    print('held', flush=True)\n"
        "    sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(folder.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RunError, match="another process is working"), folder.locked():
            pass
        holder.kill()
    with folder.locked():
        pass


def test_a_lock_is_given_back_when_the_work_fails(folder: RunFolder) -> None:
    with pytest.raises(KeyError), folder.locked():
        raise KeyError
    with folder.locked():
        pass


PRICES = {"rollout": ("openai:m", Price(1, 1, 1))}


def figures(step: int, usage: Ledger) -> Metrics:
    state = {"groups": [close("a", 1.0, 0.0)], "step": step, "epoch": 1}
    return measure_step(state, empty_library(), [], [], usage, None, PRICES)


def test_a_saved_state_is_a_library_a_line_per_step_and_the_usage_of_all(
    folder: RunFolder,
    recorder: RunRecorder,
) -> None:
    one: Ledger = {
        "rollout": {
            "calls": 2, "input": 9, "cached": 1, "output": 3, "retries": 1, "repairs": 0,
        }
    }  # fmt: skip
    library = read_library({"G0": "Größe: ½."})
    for _ in range(2):
        recorder.save({"library": library, "metrics": [figures(1, one), figures(2, one)]})
    assert load_library(folder.path) == library
    text = (folder.path / "metrics.jsonl").read_text("utf-8")
    assert [json.loads(row)["step"] for row in text.splitlines()] == [1, 2]
    usage = folder.read_json("usage.json")
    assert usage["roles"]["rollout"]["input"] == usage["total"]["input"] == 18
    assert usage["total"]["retries"] == 2


def test_the_usage_of_a_run_says_what_each_role_cost_and_its_model(
    folder: RunFolder, recorder: RunRecorder
) -> None:
    used = no_usage() | {"calls": 1, "input": 1_000_000}
    steps = [figures(1, {"rollout": used, "judge": used}), figures(2, {"rollout": used})]
    recorder.save({"library": empty_library(), "metrics": steps})
    usage = folder.read_json("usage.json")
    assert usage["costs"]["rollout"] == {"model": "openai:m", "cost": 2.0}
    assert usage["costs"]["judge"] == {"model": "unknown", "cost": "unknown"}
    assert usage["cost"] == "unknown"


def test_a_state_before_the_first_step_can_be_saved(
    folder: RunFolder, recorder: RunRecorder
) -> None:
    recorder.save({"library": empty_library()})
    assert (folder.path / "metrics.jsonl").read_text("utf-8") == ""
    assert folder.read_json("usage.json")["total"]["calls"] == 0


async def test_groups_are_kept_as_they_finish_and_put_in_order_when_the_step_ends(
    folder: RunFolder,
    recorder: RunRecorder,
) -> None:
    groups = [close(id, 1.0, 0.0) for id in ("a", "b")]
    for group in reversed(groups):
        problem: Problem = {"id": group["problem"], "problem": "?", "answers": ["42"]}
        summaries = {attempt["id"]: "It tried." for attempt in group["attempts"]}
        await recorder.keep_group(1, group, problem, {}, summaries)
    assert list(read_groups(folder.path, 1)) == ["b", "a"]
    await recorder.close_step(1, groups)
    kept = read_groups(folder.path, 1)
    assert list(kept) == ["a", "b"]
    assert kept["a"]["answers"] == ["42"]
    assert kept["a"]["summaries"] == {"1/a/0": "It tried.", "1/a/1": "It tried."}


def test_whether_a_process_is_at_work_can_be_asked(folder: RunFolder) -> None:
    assert not folder.at_work
    with folder.locked():
        assert RunFolder(folder.path).at_work
    assert not folder.at_work


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "x" * 300, "日" * 100, "a\u202eb", "\x1b[31m"])
def test_a_name_that_no_terminal_shows_or_no_disk_takes_is_refused(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(RunError, match="is not the name of a run: give one line") as refused:
        name_run(tmp_path, name)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 500


def test_a_name_may_be_of_any_script(tmp_path: Path) -> None:
    assert name_run(tmp_path, "первый запуск") == tmp_path / "первый запуск"
