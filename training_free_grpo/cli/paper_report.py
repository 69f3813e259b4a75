"""A published table beside ours, as Markdown that is readable in a terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from training_free_grpo.cli.evaluation_report import describe_difference
from training_free_grpo.cli.output import span
from training_free_grpo.prices import dollars
from training_free_grpo.records import JSON, Cost

_LEFT = ("method", "model", "library", "data set")
"""Columns of text; the others are figures and right-aligned."""
_USAGE = ("calls", "input", "cached", "output", "cost")


def draw_report(found: JSON) -> Iterator[str]:
    """Draw the whole result of a table."""
    figures = ["method", "model", "cost of learning", *found["columns"]]
    learned = ["library", "data set", "problems", "rollouts", "missing", "undecided"]
    learned += ["lessons", *_USAGE]
    measured = ["method", "data set", "library", "lessons", "rollouts", "missing", "undecided"]
    measured += ["tool calls"]
    sections = {
        "In %. Bold: measured here, with 95 % intervals over problems. The rest: "
        f"{found['source']}.": draw_table(figures, list_rows(found)),
        "Compared problem by problem:": list_differences(found),
        "Differences from the published protocol:": (f"- {line}" for line in found["differences"]),
        "Cost of the libraries:": draw_libraries(learned, found["libraries"]),
        "Cost of the evaluations:": draw_table(
            [*measured, *_USAGE], map(evaluation_row, found["evaluations"])
        ),
    }
    yield f"# {found['title']} ({found['table']})"
    for heading, lines in sections.items():
        yield from ("", heading, "", *lines)


def draw_libraries(header: Sequence[str], libraries: Sequence[JSON]) -> Iterator[str]:
    """Draw the cost of the libraries, with warnings about useless ones."""
    yield from draw_table(header, map(learning_row, libraries))
    for row in libraries:
        if row["warning"]:
            yield f"\nWarning: {row['library']}: {row['warning']}"


def list_rows(found: JSON) -> Iterator[list[str]]:
    """List our methods, each with the published rows of the same name, then the other rows."""
    ours = {row["method"]: row for row in found["methods"]}
    for name, row in ours.items():
        cells = (bold(show_figure(figure)) for figure in row["figures"].values())
        yield [bold(name), bold(found["model"]), bold(cost_of_learning(found, name)), *cells]
        yield from (published_row(row) for row in found["published"] if row["method"] == name)
    yield from (published_row(row) for row in found["published"] if row["method"] not in ours)


def published_row(row: JSON) -> list[str]:
    """Write a published row."""
    figures = ("" if v is None else f"{v:.2f}".removesuffix("0") for v in row["figures"].values())
    return [row["method"], row["model"], row["cost"], *figures]


def show_figure(figure: JSON) -> str:
    """Write a figure with its interval."""
    if figure["value"] is None:
        return "–"
    return f"{100 * figure['value']:.1f} {span(figure['interval'])}"


def cost_of_learning(found: JSON, method: str) -> str:
    """Write what a method's libraries cost to learn."""
    used = {row["library"] for row in found["evaluations"] if row["method"] == method}
    costs = [row["cost"] for row in found["libraries"] if row["library"] in used]
    if "unknown" in costs:
        return "unknown"
    return dollars(sum(costs)) if costs else ""


def list_differences(found: JSON) -> Iterator[str]:
    """Describe how each method differs from its base."""
    for row in found["methods"]:
        for title, figure in row["figures"].items():
            if figure["difference"]:
                said = describe_difference(figure["difference"]).removeprefix("difference: ")
                yield f"- {row['method']} against {row['base']}, {title}: {said}"


def learning_row(row: JSON) -> list[str]:
    """Write the data and the cost of a library."""
    counts = (row[name] for name in ("problems", "rollouts", "missing", "undecided", "lessons"))
    return [row["library"], row["dataset"], *map(number, counts), *usage_cells(row)]


def evaluation_row(row: JSON) -> list[str]:
    """Write the data and the cost of an evaluation."""
    rollouts = row["problems"] * row["attempts"]
    missing, undecided = (sum(row[name].values()) for name in ("missing", "undecided"))
    return [
        row["method"],
        row["dataset"],
        row["library"] or "",
        *map(number, (row["lessons"], rollouts, missing, undecided)),
        f"{row['tool_calls']:.1f}",
        *usage_cells(row),
    ]


def usage_cells(row: JSON) -> list[str]:
    """Write calls, tokens and dollars."""
    usage: Mapping[str, int] = row["usage"]
    cost: Cost = row["cost"]
    counts = (number(usage[name]) for name in ("calls", "input", "cached", "output"))
    return [*counts, cost if cost == "unknown" else dollars(cost)]


def draw_table(header: Sequence[str], rows: Iterable[list[str]]) -> Iterator[str]:
    """Draw a Markdown table whose columns are aligned in plain text too."""
    lines = [list(header), *rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    left = [name in _LEFT for name in header]
    rule = [
        "-" * width if words else "-" * (width - 1) + ":"
        for width, words in zip(widths, left, strict=True)
    ]
    for line in (lines[0], rule, *lines[1:]):
        cells = (
            cell.ljust(width) if words else cell.rjust(width)
            for cell, width, words in zip(line, widths, left, strict=True)
        )
        yield f"| {' | '.join(cells)} |"


def bold(text: str) -> str:
    """Set a text in bold; an empty text stays empty."""
    return f"**{text}**" if text else ""


def number(count: int) -> str:
    """Write a count."""
    return f"{count:,}"
