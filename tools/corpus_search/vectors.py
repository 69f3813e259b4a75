"""Passages close to a query in meaning: unit vectors, compared with every passage."""

import sqlite3
from typing import TYPE_CHECKING, Any

from training_free_grpo.tools.web_search import SearchSetupError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings


def embed(embeddings: "Embeddings", texts: list[str]) -> bytes:
    """Return the vectors of texts, concatenated."""
    return bytes(_unit(embeddings.embed_documents(texts)).tobytes())


def find_nearest(
    database: sqlite3.Connection, embeddings: "Embeddings", query: str, most: int
) -> list[int]:
    """Return the ids of the passages nearest to a query, nearest first."""
    import numpy as np

    wanted = _unit(embeddings.embed_query(query))
    scores = [np.empty(0, np.float32)]
    for passages, block in database.execute("SELECT passages, block FROM vectors ORDER BY rowid"):
        vectors = np.frombuffer(block, np.float32).reshape(passages, -1)
        if vectors.shape[1] != wanted.size:
            raise SearchSetupError(
                f"The index holds vectors of {vectors.shape[1]} numbers and the embeddings make "
                f"{wanted.size}: use the embeddings that the index was built with, or delete it"
            )
        scores.append(vectors @ wanted)
    best = np.argsort(-np.concatenate(scores), kind="stable")[:most]
    return [int(place) + 1 for place in best]


def _unit(vectors: Any) -> Any:
    import numpy as np

    found = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(found, axis=-1, keepdims=True)
    return found / np.maximum(lengths, np.finfo(np.float32).tiny)
