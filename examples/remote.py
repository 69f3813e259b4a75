"""Training on a LangGraph server, from another program.

langgraph dev --no-browser &
python remote.py http://127.0.0.1:2024
"""

import sys
from typing import Any

from langgraph.pregel.remote import RemoteGraph

PROBLEMS = [
    {"problem": "What is 17 times 23?", "answer": "391"},
    {"problem": "What is 12 times 31?", "answer": "372"},
]


def train(url: str) -> Any:
    """Train on the server; print events as they come, and return the library."""
    training = RemoteGraph("training", url=url)
    context: Any = {"epochs": 1, "group_size": 2, "tools": "none"}
    library = None
    stream: Any = training.stream(
        {"problems": PROBLEMS}, context=context, stream_mode=["custom", "values"]
    )
    for mode, part, *_ in stream:
        if mode == "custom":
            print(part["event"])
        elif mode == "values":
            library = part.get("library")
    return library


if __name__ == "__main__":
    print(train(sys.argv[1]))
