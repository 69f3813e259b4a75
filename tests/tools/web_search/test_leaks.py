import pytest

from training_free_grpo.tools.web_search import SearchProvider, SearchResult, cached, guard_leaks

QUESTION = (
    "A train leaves the northern harbour at 7 and reaches the old mill after 42 minutes of "
    "travel; how many bridges does it cross on the way?"
)


def finds(snippet: str, title: str = "Page") -> SearchProvider:
    page = SearchResult(title=title, url="https://example.org", snippet=snippet, source="test")
    return lambda query, max_results: [page]


def is_leak(snippet: str, answer: str | list[str] = "13 bridges", question: str = QUESTION) -> bool:
    [found] = guard_leaks(finds(snippet), [(question, answer)])("train", 3)
    return "leak" in found


def test_a_question_with_its_answer_is_marked() -> None:
    assert is_leak(f"{QUESTION} Answer: 13 bridges.")


def test_ten_words_of_it_in_another_spelling_are_enough() -> None:
    assert is_leak("LEAVES the *northern* harbour — at 7, and reaches the old mill … 13 Bridges")


def test_nine_words_of_it_are_not() -> None:
    assert not is_leak("leaves the northern harbour at 7 and reaches the … 13 bridges")


def test_a_question_alone_is_not_a_leak() -> None:
    assert not is_leak(QUESTION)


def test_an_answer_alone_is_not_a_leak() -> None:
    assert not is_leak("The line crosses 13 bridges.")


def test_an_answer_that_the_question_holds_has_to_stand_beside_it() -> None:
    assert not is_leak(QUESTION, answer="42")
    assert is_leak(f"{QUESTION} 42", answer="42")


def test_a_part_of_a_word_is_no_answer() -> None:
    assert not is_leak(f"{QUESTION} 130", answer="13")


def test_any_right_answer_counts() -> None:
    assert is_leak(f"{QUESTION} thirteen", answer=["13", "thirteen"])


def test_an_answer_in_the_title_counts() -> None:
    [found] = guard_leaks(finds(QUESTION, "13 bridges"), [(QUESTION, "13 bridges")])("x", 3)
    assert found["leak"]


def test_a_short_question_counts_as_a_whole() -> None:
    assert is_leak("Quiz: Who ruled Arden? Queen Ann.", "Ann", "Who ruled Arden?")
    assert not is_leak("Who ruled? Queen Ann.", "Ann", "Who ruled Arden?")


def test_chinese_is_read_by_characters() -> None:
    question = "北方港口的火车七点出发到达老磨坊需要多少分钟"
    assert is_leak(f"问：{question}？答：四十二分钟", "四十二", question)


def test_what_several_questions_say_alike_gives_none_away() -> None:
    common = "find the sum of m and n where m and n are relatively prime"
    problems = [(f"Let x be 2; {common}", "25"), (f"Let y be 9; {common}", "77")]
    guarded = guard_leaks(finds(f"Another problem: {common}. 25"), problems)
    assert "leak" not in guarded("x", 3)[0]


def test_a_question_that_is_given_twice_is_still_guarded() -> None:
    guarded = guard_leaks(finds(f"{QUESTION} 13"), [(QUESTION, "13"), (QUESTION, "thirteen")])
    assert guarded("x", 3)[0]["leak"]


@pytest.mark.parametrize("problem", [("", "13"), (QUESTION, ""), (QUESTION, []), ("?", "!")])
def test_a_problem_of_no_words_marks_nothing(problem: tuple[str, str | list[str]]) -> None:
    assert "leak" not in guard_leaks(finds(f"{QUESTION} 13"), [problem])("x", 3)[0]


def test_leaks_can_be_dropped() -> None:
    search = guard_leaks(finds(f"{QUESTION} 13"), [(QUESTION, "13")], drop=True)
    assert search("x", 3) == []


def test_a_guard_does_not_change_what_the_provider_holds() -> None:
    provider = finds(f"{QUESTION} 13")
    guard_leaks(provider, [(QUESTION, "13")])("x", 3)
    assert "leak" not in provider("x", 3)[0]


def test_a_guard_inside_a_cache_is_refused() -> None:
    with pytest.raises(ValueError, match="pass cached"):
        cached(guard_leaks(finds("x"), []), "unused.sqlite")
