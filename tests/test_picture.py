"""The picture in the README is that of the graph as it is built."""

import re
from itertools import pairwise, product
from pathlib import Path

from training_free_grpo.graphs.training import training

README = Path(__file__).resolve().parents[1] / "README.md"
_ARROW = re.compile(r"\s*(?:-->|-\.->)(?:\|[^|]*\|)?\s*")
_LABEL = re.compile(r"""\["[^"]*"\]|\(\[[^\]]*\]\)""")

Edges = set[tuple[str, str]]


def drawn() -> Edges:
    """Read the arrows of the picture."""
    block = re.search(r"```mermaid\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert block
    found = set()
    for line in block[1].splitlines():
        if _ARROW.search(line):
            found |= set(pairwise(_ARROW.split(_LABEL.sub("", line).strip())))
    return found


def built() -> Edges:
    """Read the edges of the graph with its groups laid open; a group's own start and end go."""
    edges = {(edge.source, edge.target) for edge in training.get_graph(xray=1).edges}
    for inner in ("group:__start__", "group:__end__"):
        before = [source for source, target in edges if target == inner]
        after = [target for source, target in edges if source == inner]
        edges = {edge for edge in edges if inner not in edge} | set(product(before, after))
    return {(plain(source), plain(target)) for source, target in edges}


def plain(node: str) -> str:
    return {"__start__": "START", "__end__": "END"}.get(node, node.removeprefix("group:"))


def test_picture_in_the_readme_has_the_nodes_and_edges_of_the_graph() -> None:
    assert drawn() == built()
