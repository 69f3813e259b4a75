"""Search your own documents, offline: by words and optionally meaning; in memory or a file."""

from training_free_grpo.tools.corpus_search.corpus import corpus_search
from training_free_grpo.tools.corpus_search.passages import load_passages
from training_free_grpo.tools.corpus_search.tool import make_corpus_tool

__all__ = ["corpus_search", "load_passages", "make_corpus_tool"]
