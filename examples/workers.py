"""A synchronous service, as gunicorn serves it, with and without `--preload`.

    gunicorn --workers 2 --preload workers:app

The graph and the tool are made when the module is imported. With `--preload` that is once, before
the workers are forked, and each worker starts threads, connections and sandboxes of its own.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from training_free_grpo import build_evaluation_graph
from training_free_grpo.simulated import training_problems
from training_free_grpo.tools.python_sandbox import make_python_tool

PROBLEMS = training_problems()[:2]
graph = build_evaluation_graph(settings={"attempts": 2, "tools": "python"})
python = make_python_tool()

# Used here on purpose: what was at work before the fork must not stop the workers.
BASELINE = graph.invoke({"problems": PROBLEMS})["evaluation"]["mean"]
python.invoke({"code": "print('warm')"})


def answer(path: str) -> dict[str, Any]:
    """Answer a request."""
    if path == "/python":
        return {"said": python.invoke({"code": "print(6 * 7)"}).strip()}
    found = graph.invoke({"problems": PROBLEMS})
    return {"mean": found["evaluation"]["mean"], "baseline": BASELINE}


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve a request."""
    body = json.dumps(answer(environ["PATH_INFO"])).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]
