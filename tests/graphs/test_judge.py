import pytest

from training_free_grpo import Settings, build_evaluation_graph
from training_free_grpo.graders import load_grader
from training_free_grpo.settings import SettingsError

PROBLEMS = [{"problem": "Who wrote Faust?", "answer": "Goethe"}]


@pytest.mark.parametrize(
    ("grader", "settings"),
    [
        ("judge", Settings()),
        ("judge", Settings(model="openai:gpt-5-mini", reflection_model="simulated")),
        ("qa", Settings(judge_model="simulated")),
    ],
    ids=["the policy", "the reflection model", "the judge model"],
)
def test_an_embedded_model_is_refused_as_a_judge_before_any_call(
    grader: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    graph = build_evaluation_graph(grader=load_grader(grader))
    with pytest.raises(SettingsError, match="an embedded model, which cannot judge"):
        graph.invoke({"problems": PROBLEMS}, context=settings)
