"""The report in real Chromium: nothing that a model wrote runs, and it can be read by everyone."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from training_free_grpo.background import run_sync
from training_free_grpo.learning.contrast import close_group
from training_free_grpo.library import empty_library, read_library
from training_free_grpo.metrics import measure_step
from training_free_grpo.records import Problem
from training_free_grpo.report import write_report
from training_free_grpo.runs.archive import RunArchive
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.recorder import RunRecorder
from training_free_grpo.settings import Settings

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

HOSTILE = (
    "</style></title></script><script>document.title = 'owned'; alert(1)</script>"
    '<img src="https://evil.example/x.png" onerror="alert(1)"><svg onload="alert(1)"></svg>'
    '<a id="trap" href="javascript:alert(1)">click</a><iframe srcdoc="<script>alert(1)</script>">'
    '" autofocus onfocus="alert(1)" x=\'{{ 7 * 7 }} &lt;script&gt; \u202e'
)


async def make_run(folder: RunFolder, text: str) -> None:
    """Make a run of one step in which everything that others write is this text."""
    settings = Settings(model=f"openai:{text}", epochs=1, agent_objective=text)
    folder.create(
        settings.model_dump(mode="json"), {"policy": text, "reflection": "other", "agent": text,
        "created": "2026-01-01T00:00:00Z", "versions": {text: text},
        "attempter": {"model": text, "replayable": True, "group_size": 3}},
        [{"id": text, "problem": text, "answers": [text]}],
    )  # fmt: skip
    await RunRecorder(folder.path).keep_library(0, empty_library())
    grades: dict[str, Any] = {}
    rollouts, summaries = [], {}
    for n, missing in enumerate((None, None, text)):
        id = f"1/{text}/{n}"
        call = {"function": {"name": text, "arguments": text}}
        messages = [
            {"role": "assistant", "content": text, "tool_calls": [call]},
            {"role": "tool", "name": text, "content": text},
        ]
        line: Any = {"id": id, "step": 1, "problem_id": text, "problem": text, "attempt": n}
        line |= {"answer": text, "tool_calls": 1, "turns": 1, "seconds": 1.0, "missing": missing}
        rollouts.append(line | {"trajectory": None})
        await RunArchive(folder.path).keep_rollout(line | {"usage": {}, "messages": messages})
        if missing is None:
            grades[id] = {"reward": float(n), "verdict": "wrong", "extracted": text}
            grades[id] |= {"critique": text, "method": "test"}
            summaries[id] = text
    group: Any = close_group(text, rollouts, grades, {})
    operation = {"operation": "add", "ids": [text], "content": text, "rationale": text}
    group |= {"reasoning": text, "failure": text}
    group["proposals"] = [{"operation": operation, "problem": text, "rollouts": []}]
    group["rejected"] = [{"operation": {"operation": text, "content": text}, "reason": text}]
    group["rejected"] += [{"operation": {"value": text}, "reason": text}]
    origin = {"step": 1, "problems": [text], "rollouts": [text], "model": text, "prompt": text}
    lesson = {"content": text, "created": origin, "updated": [origin], "parents": [text]}
    library = read_library({"format": 1, "next_id": 1, "experiences": {"G0": lesson}})
    state = {"step": 1, "epoch": 1, "groups": [group]}
    figures = measure_step(state, library, [], [], {}, text, {})
    problem: Problem = {"id": text, "problem": text, "answers": [text]}
    await RunRecorder(folder.path).keep_group(1, group, problem, grades, summaries)
    await RunRecorder(folder.path).keep_library(1, library)
    await RunRecorder(folder.path).close_step(1, [group])
    RunRecorder(folder.path).save({"library": library, "metrics": [figures]})


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the report of a run whose every text is hostile."""
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "hostile")
    run_sync(make_run(folder, HOSTILE))
    file = folder.path / "report.html"
    write_report(folder, file)
    return file


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.heard = []
        page.on("dialog", lambda dialog: (page.heard.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: page.heard.append(request.url))
        page.on("pageerror", lambda error: page.heard.append(str(error)))
        page.on("console", lambda message: page.heard.append(message.text))
        page.goto(report.as_uri())
        yield page


def open_everything(page: Any) -> None:
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")


def test_nothing_that_others_wrote_runs_or_loads_anything(page: Any, report: Path) -> None:
    open_everything(page)
    page.wait_for_timeout(300)
    assert page.heard == [report.as_uri()]
    assert page.title() == "hostile – training report"


def test_what_others_wrote_is_text_and_makes_no_element(page: Any) -> None:
    for element in ("script", "img", "iframe", "#trap", "[onerror]", "[onfocus]", "[onload]"):
        assert page.locator(element).count() == 0
    assert page.locator("a:not([href^='#'])").count() == 0


def test_what_others_wrote_can_be_read_as_it_stands(page: Any) -> None:
    open_everything(page)
    read = page.locator(".summary, article .pre").first.inner_text()
    assert "<script>document.title = 'owned'; alert(1)</script>" in read
    assert "{{ 7 * 7 }} &lt;script&gt; ⟨U+202E⟩" in read


def test_policy_stops_a_script_that_came_in_all_the_same(page: Any) -> None:
    blocked: list[str] = []
    page.on("requestfailed", lambda request: blocked.append(request.failure))
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "document.title = 'owned'";
        document.body.append(script);
        const image = document.createElement("img");
        image.src = "https://evil.example/x.png";
        document.body.append(image);
    }""")
    page.wait_for_timeout(200)
    assert page.title() == "hostile – training report"
    assert blocked == ["csp"]


@pytest.mark.parametrize("width", [1280, 390])
def test_page_is_no_wider_than_its_window(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    open_everything(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    open_everything(page)
    assert page.evaluate(CONTRASTS) >= 4.5


CONTRASTS = """() => {
    const light = color => {
        const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map(value => {
            const share = value / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = one => {
        const color = getComputedStyle(one).backgroundColor;
        return color === "rgba(0, 0, 0, 0)" ? behind(one.parentElement) : color;
    };
    const texts = [...document.body.querySelectorAll("*:not(title)")].filter(one =>
        [...one.childNodes].some(child => child.nodeType === 3 && child.textContent.trim()));
    return Math.min(...texts.map(one => {
        const style = getComputedStyle(one);
        const svg = one.namespaceURI.endsWith("svg");
        const [front, back] = [light(svg ? style.fill : style.color), light(behind(one))];
        return (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    }));
}"""


def test_tab_reaches_the_report_the_parts_and_a_transcript(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    transcript = page.locator(".transcript")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.transcript > summary')"):
            break
        if page.evaluate("document.activeElement.matches('summary')"):
            page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert transcript.first.get_attribute("open") is not None


def test_focus_can_be_seen(page: Any) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_landmarks_and_table_headers_are_there(page: Any) -> None:
    open_everything(page)
    for role in ("banner", "navigation", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1
    assert page.locator("table:not(:has(th[scope]))").count() == 0
    assert page.locator("main section:not([aria-labelledby])").count() == 0


def test_a_link_to_a_group_opens_it(page: Any) -> None:
    group = page.locator(".group-body").first
    assert not group.is_visible()
    page.locator("#library a[href^='#s1g']").first.click()
    assert group.is_visible()


def test_a_link_opens_a_group_that_the_choice_has_hidden(page: Any) -> None:
    page.get_by_label("Without contrast").check()
    page.locator("#library a[href^='#s1g']").first.click()
    assert page.locator(".group-body").first.is_visible()


def test_where_no_group_is_of_the_chosen_kind_it_is_said(page: Any) -> None:
    page.locator("#groups > details").first.evaluate("one => one.open = true")
    said = page.get_by_text("No group matches this filter.")
    assert not said.is_visible()
    page.get_by_label("Without contrast").check()
    assert said.is_visible()


def test_the_curve_is_drawn_for_the_window_that_it_is_in(page: Any) -> None:
    for width, shown, hidden in ((1280, ".wide", ".narrow"), (390, ".narrow", ".wide")):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.locator(shown).is_visible()
        assert not page.locator(hidden).is_visible()


def test_a_printed_page_is_light_cuts_no_table_and_says_what_it_leaves_out(page: Any) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 718, "height": 1000})
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 29, 32)"
    assert page.locator(".scroll").first.evaluate("one => one.scrollWidth <= one.clientWidth")
    assert page.get_by_text("Groups are not printed").is_visible()
    assert not page.locator(".group").first.is_visible()


def test_groups_can_be_chosen_by_what_they_show(page: Any) -> None:
    page.locator("#groups > details").first.evaluate("one => one.open = true")
    page.get_by_label("Without contrast").check()
    assert not page.locator(".group").first.is_visible()
    page.get_by_label("With losses").check()
    assert page.locator(".group").first.is_visible()
