"""Recorded attempts are read from files and grouped by problem; bad rows are named."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from training_free_grpo import Settings, build_training_graph
from training_free_grpo.datasets import DatasetError
from training_free_grpo.runs.archive import RunArchive
from training_free_grpo.runs.recorder import RunRecorder
from training_free_grpo.simulated import training_problems
from training_free_grpo.traces import Trace, Traces, load_traces

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("TFGRPO_DATA", ROOT.parent / "shared" / "data"))


def write(folder: Path, *rows: Any, name: str = "traces.jsonl") -> Path:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder / name


def read(folder: Path, *rows: Any, **options: Any) -> Traces:
    return load_traces([write(folder, *rows)], **options)[0]


def only(traces: Traces) -> Trace:
    ((trace,),) = traces.attempts.values()
    return trace


class TestGroups:
    def test_attempts_are_grouped_by_problem_across_files(self, tmp_path: Path) -> None:
        one = write(tmp_path, {"problem": "A?", "answer": "1", "response": "1"}, name="1.jsonl")
        two = write(
            tmp_path,
            {"question": " A? ", "gold": 1, "response": "2"},
            {"question": "B?", "gold": "1", "response": "1"},
            name="2.jsonl",
        )
        traces, _ = load_traces([one, two])
        assert [p["problem"] for p in traces.problems] == ["A?", "B?"]
        assert [len(attempts) for attempts in traces.attempts.values()] == [2, 1]
        assert traces.most == 2

    def test_id_that_all_attempts_share_names_the_problem(self, tmp_path: Path) -> None:
        row = {"id": "p1", "problem": "A?", "answer": "1", "response": "1"}
        assert read(tmp_path, row, row).problems[0]["id"] == "p1"

    def test_ids_of_attempts_name_no_problem(self, tmp_path: Path) -> None:
        row = {"problem": "A?", "answer": "1", "response": "1"}
        (problem,) = read(tmp_path, row | {"id": "a"}, row | {"id": "b"}).problems
        assert problem["id"] not in ("a", "b")

    def test_two_problems_of_one_id_are_kept_apart(self, tmp_path: Path) -> None:
        row = {"id": "p1", "answer": "1", "response": "1"}
        traces = read(tmp_path, row | {"problem": "A?"}, row | {"problem": "B?"})
        assert len(traces.attempts) == 2

    def test_limit_takes_the_first_problems_with_all_their_attempts(self, tmp_path: Path) -> None:
        rows = [{"problem": p, "answer": "1", "response": "1"} for p in ("A?", "B?", "A?")]
        assert [len(a) for a in read(tmp_path, *rows, limit=1).attempts.values()] == [2]

    def test_fingerprint_changes_with_any_word(self, tmp_path: Path) -> None:
        row = {"problem": "A?", "answer": "1", "response": "1", "reward": 1}
        prints = [
            read(tmp_path, row | change).fingerprint()
            for change in ({}, {}, {"response": "2"}, {"reward": 0})
        ]
        assert prints[0] == prints[1]
        assert len(set(prints)) == 3


class TestFields:
    @pytest.mark.parametrize(
        ("value", "reward"),
        [(True, 1), (False, 0), (0.25, 0.25), ("True", 1), ("C", 1), ("I", 0), ("0.5", 0.5)],
    )
    @pytest.mark.parametrize("name", ["reward", "label", "score"])
    def test_reward_may_be_a_number_a_bool_or_a_word(
        self, name: str, value: Any, reward: float, tmp_path: Path
    ) -> None:
        row = {"problem": "A?", "response": "1", name: value}
        assert only(read(tmp_path, row)).grade == reward

    @pytest.mark.parametrize(("value", "seconds"), [(1.5, 1.5), ("fast", 0.0), (None, 0.0)])
    def test_time_counts_where_it_is_recorded(
        self, value: Any, seconds: float, tmp_path: Path
    ) -> None:
        row = {"problem": "A?", "answer": "1", "response": "1", "seconds": value}
        assert only(read(tmp_path, row)).seconds == seconds

    def test_row_without_a_reward_is_left_to_the_grader(self, tmp_path: Path) -> None:
        row = {"problem": "A?", "answer": "1", "response": "1", "reward": None}
        assert only(read(tmp_path, row)).grade is None

    def test_rewards_do_not_count_where_all_is_graded_again(self, tmp_path: Path) -> None:
        row = {"problem": "A?", "answer": "1", "response": "1", "label": "algebra"}
        assert only(read(tmp_path, row, graded=False)).grade is None

    def test_mapping_names_fields_inside_of_others(self, tmp_path: Path) -> None:
        row = {"ask": {"text": "A?"}, "out": [{"text": "yes"}], "judged": {"ok": "True"}}
        mapping = {"problem": "ask.text", "response": "out.0.text", "reward": "judged.ok"}
        traces = read(tmp_path, row, mapping=mapping)
        assert traces.problems[0]["problem"] == "A?"
        assert (only(traces).messages[-1].text, only(traces).grade) == ("yes", 1.0)

    def test_bare_list_of_messages_is_a_talk(self, tmp_path: Path) -> None:
        talk = [{"role": "user", "content": "A?"}, {"role": "assistant", "content": "1"}]
        (tmp_path / "talks.json").write_text(json.dumps([talk]))
        traces, _ = load_traces([tmp_path / "talks.json"])
        assert traces.problems[0]["problem"] == "A?"
        assert [m.text for m in only(traces).messages] == ["1"]

    @pytest.mark.parametrize(
        ("value", "text"),
        [(5, "5"), (0.5, "0.5"), (0, "0"), (True, "True"), ({"content": "5"}, "5")],
    )
    def test_response_may_be_a_number_a_bool_or_a_message(
        self, value: Any, text: str, tmp_path: Path
    ) -> None:
        row = {"problem": "A?", "answer": "5", "pred": value}
        assert only(read(tmp_path, row)).messages[-1].text == text

    def test_talks_a_line_each_are_rows(self, tmp_path: Path) -> None:
        talk = [{"role": "user", "content": "A?"}, {"role": "assistant", "content": "1"}]
        for count in (1, 3):
            assert read(tmp_path, *[talk] * count).most == count

    def test_response_beside_a_trajectory_is_the_answer(self, tmp_path: Path) -> None:
        row = {"question": "A?", "gold": "1", "trajectory": "I think.", "pred": "1"}
        assert [m.text for m in only(read(tmp_path, row)).messages] == ["I think.", "1"]


class TestBadRows:
    def test_each_fault_names_its_rows(self, tmp_path: Path) -> None:
        good = {"problem": "A?", "answer": "1", "response": "1"}
        bad = [
            {"problem": "A?", "answer": "1"},
            {"answer": "1", "response": "1"},
            good | {"reward": "algebra"},
            {"messages": [{"role": "robot", "content": "?"}]},
        ]
        with pytest.raises(DatasetError) as caught:
            read(tmp_path, good, bad[0], good, bad[1], bad[2], bad[3], bad[0])
        lines = str(caught.value).splitlines()
        assert [line.partition("traces.jsonl, ")[2][:12] for line in lines] == [
            "rows 2, 7: n",
            "row 4: no te",
            "row 5: 'rewa",
            "row 6: messa",
        ]

    def test_faults_of_all_files_are_named_at_once(self, tmp_path: Path) -> None:
        one = write(tmp_path, {"answer": "1", "response": "1"}, name="one.jsonl")
        two = write(tmp_path, {"problem": "A?"}, name="two.jsonl")
        with pytest.raises(DatasetError) as caught:
            load_traces([one, tmp_path / "three.jsonl", two])
        lines = str(caught.value).splitlines()
        named = zip(("one.jsonl", "three.jsonl", "two.jsonl"), lines, strict=True)
        assert all(name in line for name, line in named)

    @pytest.mark.parametrize("value", [{"text": "5"}, ["5"]])
    def test_response_of_another_form_is_refused(self, value: Any, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"row 1: 'pred' is not a text.*'response': 'FIELD'"):
            read(tmp_path, {"problem": "A?", "answer": "5", "pred": value})

    def test_file_without_attempts_is_refused_with_the_reason(self, tmp_path: Path) -> None:
        row = {"problem": "A?", "answer": "1", "response": ""}
        with pytest.raises(DatasetError, match="no attempts: row 1: it ends without an answer"):
            read(tmp_path, row)

    def test_line_that_is_no_json_is_named(self, tmp_path: Path) -> None:
        write(tmp_path, {"problem": "A?", "response": "1"})
        with (tmp_path / "traces.jsonl").open("a") as file:
            file.write("{\n")
        with pytest.raises(DatasetError, match="row 2: not JSON"):
            load_traces([tmp_path / "traces.jsonl"])

    def test_row_that_nothing_can_grade_is_refused_where_the_grader_compares(
        self, tmp_path: Path
    ) -> None:
        with pytest.raises(DatasetError, match="no reward, and no answer"):
            read(tmp_path, {"problem": "A?", "response": "1"}, needs_truth=True)

    def test_attempt_without_an_answer_is_left_out_and_told(self, tmp_path: Path) -> None:
        good = {"problem": "A?", "answer": "1", "response": "1"}
        file = write(tmp_path, good, good | {"response": ""}, good)
        traces, (note,) = load_traces([file])
        assert traces.most == 2
        assert "row 2: no answer is recorded; skipped" in note

    @pytest.mark.parametrize(
        ("message", "said"),
        [
            (
                {
                    "content": [
                        {"type": "text", "text": "1"},
                        {"type": "image_url", "image_url": {}},
                    ]
                },
                "pictures or files",
            ),
            (
                {"content": "1", "function_call": {"name": "f", "arguments": "{}"}},
                "`function_call`",
            ),
            ({"content": "1", "reasoning_content": "Hm."}, "reasoning separate from the answer"),
        ],
    )
    def test_unread_content_is_reported(
        self, message: dict[str, Any], said: str, tmp_path: Path
    ) -> None:
        talk = [{"role": "user", "content": "A?"}, {"role": "assistant", **message}]
        _, (note,) = load_traces([write(tmp_path, talk, [*talk[:1], {**talk[1], "content": "1"}])])
        assert said in note
        assert "not read" in note

    def test_reward_outside_0_to_1_is_reported_and_counts(self, tmp_path: Path) -> None:
        rows = [{"problem": "A?", "response": "1", "reward": reward} for reward in (5, 1, -2)]
        traces, (note,) = load_traces([write(tmp_path, *rows)])
        assert "rows 1, 3: a reward outside 0 to 1" in note
        assert [trace.reward for (attempts) in traces.attempts.values() for trace in attempts] == [
            5, 1, -2,
        ]  # fmt: skip

    def test_absent_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"nowhere\.jsonl"):
            load_traces([tmp_path / "nowhere.jsonl"])


class TestFolders:
    ROW = {"problem": "A?", "answer": "1", "response": "1"}  # noqa: RUF012

    def test_folder_means_the_rollouts_in_it(self, tmp_path: Path) -> None:
        write(tmp_path, self.ROW, name="b.jsonl")
        write(tmp_path, self.ROW | {"problem": "B?"}, name="a.jsonl")
        (tmp_path / "notes.txt").write_text("no rows")
        traces, _ = load_traces([tmp_path])
        assert [problem["problem"] for problem in traces.problems] == ["B?", "A?"]

    def test_folder_of_a_run_means_its_rollouts(self, tmp_path: Path) -> None:
        (tmp_path / "rollouts").mkdir()
        write(tmp_path / "rollouts", self.ROW, name="step-0001.jsonl")
        write(tmp_path, {"step": 1}, name="metrics.jsonl")
        write(tmp_path, {}, name="manifest.json")
        assert load_traces([tmp_path])[0].most == 1

    def test_folder_without_rollouts_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"holds no \.jsonl or \.eval files"):
            load_traces([tmp_path])


class TestOwnRollouts:
    @pytest.fixture
    def run(self, tmp_path: Path) -> Path:
        settings = Settings(epochs=1, batch_size=4, group_size=4)
        graph = build_training_graph(archive=RunArchive(tmp_path), recorder=RunRecorder(tmp_path))
        graph.invoke({"problems": training_problems()[:4]}, context=settings)
        return tmp_path / "rollouts" / "step-0001.jsonl"

    def test_rollouts_of_a_run_come_back_with_their_grades(self, run: Path) -> None:
        lines = [json.loads(line) for line in run.read_text().splitlines()]
        traces, _ = load_traces([run])
        found = [trace for group in traces.attempts.values() for trace in group]
        assert [trace.grade["reward"] for trace in found] == [line["reward"] for line in lines]
        assert [trace.grade["verdict"] for trace in found] == [line["verdict"] for line in lines]
        assert [trace.messages[-1].text for trace in found] == [line["answer"] for line in lines]
        truths = {p["id"]: p["answers"] for p in training_problems()}
        assert all(p["answers"] == truths[p["id"]] for p in traces.problems)
        assert list(traces.attempts) == list(dict.fromkeys(line["problem_id"] for line in lines))

    def test_missing_rollouts_are_left_out(self, run: Path) -> None:
        lines = [json.loads(line) for line in run.read_text().splitlines()]
        lines[0] |= {"missing": "an outage", "answer": "", "reward": None}
        traces, (note,) = load_traces([write(run.parent, *lines)])
        assert sum(map(len, traces.attempts.values())) == len(lines) - 1
        assert "row 1" in note


class TestRealData:
    def test_searches_of_real_rollouts_are_tool_calls(self) -> None:
        file = DATA / "trajectories_r1searcher.jsonl"
        if not file.exists():
            pytest.skip(f"real data is absent: no {file.name} in the folder TFGRPO_DATA names")
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        traces, notes = load_traces([file], mapping={"reward": "judge_gpt4o"})
        assert (len(traces.problems), traces.most, notes) == (len(rows), 1, [])
        for row in rows:
            (trace,) = traces.attempts[row["id"]]
            answers = [m for m in trace.messages if isinstance(m, AIMessage)]
            asked = [call["args"]["query"] for m in answers for call in m.tool_calls]
            assert asked == [query.strip() for query in row["queries"]]
            assert trace.grade == float(row["judge_gpt4o"] == "True")
            assert answers[-1].text == row["pred"]
