"""Arms over the same problems, on the stand-in server."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.standin import StandIn
from training_free_grpo.datasets import read_problems
from training_free_grpo.library.lessons import library_of
from training_free_grpo.records import Evaluation
from training_free_grpo.runs.evaluation import Arm, ArmAfter, EvaluationRun
from training_free_grpo.runs.folder import RunError, RunFolder
from training_free_grpo.settings import Settings

PROBLEMS, _ = read_problems([{"problem": f"{n} + {n}?", "answer": str(2 * n)} for n in range(5)])
ANSWERS = {problem["problem"]: problem["answers"][0] for problem in PROBLEMS}
LIBRARY = library_of([("G0", "Sums: add from the right.")])


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "any")


def settings(server: StandIn, attempts: int = 2, tools: str = "none") -> Settings:
    return Settings(
        model="openai:stand-in", base_url=server.url, attempts=attempts, tools=tools, max_retries=0
    )


async def run(arms: list[Arm | ArmAfter], folder: Path | None = None) -> dict[str, Evaluation]:
    return await EvaluationRun(PROBLEMS, arms, folder=folder).run()


async def test_arms_run_in_their_order_and_are_told_of_as_they_begin() -> None:
    with StandIn(ANSWERS) as server:
        without = Arm("without", settings(server))
        arms: list[Arm | ArmAfter] = [without, Arm("with", settings(server), LIBRARY)]
        told: list[tuple[str, int]] = []
        evaluation = EvaluationRun(PROBLEMS, arms)
        found = await evaluation.run(lambda arm: told.append((arm.name, len(server.calls))))
    assert list(found) == ["without", "with"]
    assert told == [("without", 0), ("with", 10)]
    assert ["Sums: add" in call.system for call in server.calls] == [False] * 10 + [True] * 10


async def test_arms_may_differ_in_attempts_and_tools() -> None:
    with StandIn(ANSWERS) as server:
        direct = Arm("direct", settings(server, 1))
        react = Arm("react", settings(server, 2, "python"))
        found = await run([direct, react])
    assert [len(rewards) for arm in found.values() for rewards in arm["rewards"].values()] == (
        [1] * 5 + [2] * 5
    )
    offered = ["tools" in call.body for call in server.calls]
    assert offered == [False] * 5 + [True] * 10


async def test_an_arm_may_depend_on_what_those_before_it_found() -> None:
    with StandIn(ANSWERS) as server:

        def more(found: Mapping[str, Evaluation]) -> Arm:
            return Arm("more", settings(server, found["few"]["problems"]))

        found = await run([Arm("few", settings(server, 2)), more, lambda found: None])
    assert (list(found), found["more"]["attempts"]) == (["few", "more"], 5)


@pytest.mark.parametrize("kept", [False, True])
async def test_attempts_that_an_earlier_arm_made_are_not_paid_for_again(
    kept: bool, tmp_path: Path
) -> None:
    with StandIn(ANSWERS) as server:
        arms: list[Arm | ArmAfter]
        arms = [Arm("few", settings(server, 2)), Arm("more", settings(server, 6))]
        found = await run(arms, tmp_path / "run" if kept else None)
    assert len(server.calls) == 5 * 6
    assert all(
        more[:2] == few
        for few, more in zip(
            found["few"]["rewards"].values(), found["more"]["rewards"].values(), strict=True
        )
    )
    assert found["more"]["usage"]["rollout"]["calls"] == 30


async def test_the_same_parts_on_the_same_folder_go_on(tmp_path: Path) -> None:
    with StandIn(ANSWERS) as server:
        arms: list[Arm | ArmAfter]
        arms = [Arm("without", settings(server)), Arm("with", settings(server), LIBRARY)]
        await run(arms[:1], tmp_path / "run")
        first = len(server.calls)
        await run(arms, tmp_path / "run")
        await run(arms, tmp_path / "run")
    assert (first, len(server.calls)) == (10, 20)


async def test_the_folder_of_a_training_run_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create({}, {}, PROBLEMS)
    with pytest.raises(RunError, match="is a training run; give the evaluation another name"):
        await run([Arm("without", Settings())], folder.path)


async def test_two_cannot_use_one_folder_at_once(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.locked(), pytest.raises(RunError, match="another process is working"):
        await run([Arm("without", Settings())], folder.path)
