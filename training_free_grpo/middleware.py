"""Give any `create_agent` agent its library in one line, with the same words as in training."""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NotRequired

from langchain.agents.middleware import (
    AgentMiddleware,
    AgentState,
    ModelRequest,
    ModelResponse,
)
from langchain.agents.middleware.types import OmitFromOutput
from langchain_core.messages import AnyMessage, HumanMessage

from training_free_grpo.library import (
    LibraryError,
    LibraryLike,
    active_experiences,
    library_file,
    load_library,
    parse_lessons,
    render_lessons,
)
from training_free_grpo.library.prompt import LESSONS, add_block, experience_block
from training_free_grpo.library.retrieval import TalkRetrieval
from training_free_grpo.records import Experience, Library
from training_free_grpo.threads import in_thread

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

Handler = Callable[[ModelRequest[Any]], ModelResponse[Any]]
AsyncHandler = Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
Wording = Callable[[Sequence[Experience]], str]

log = logging.getLogger(__name__)

_PLACE = "{{ library }}"
_TURNS = 3
"""Number of the user's questions that lessons are chosen by."""


class TrainedState(AgentState[Any]):
    """What an agent may receive during training or evaluation."""

    experience_lessons: NotRequired[Annotated[str, OmitFromOutput]]


class ExperienceMiddleware(AgentMiddleware[Any, Any, Any]):
    """Show the lessons of a library (or of a library file or run folder) in the system prompt.

    Without a library it shows the lessons of the run that trains or evaluates the agent, in the
    same place and the same words as a library later.

    List it last: a later middleware that replaces the system prompt would remove the lessons. They
    are at its end, byte for byte the same in every call, unless `top_k` chooses those that fit the
    last question and the conversation before it: by words, with `embeddings` by meaning too.
    `format` words them: a text with the placeholder `{{ library }}`, or a function of the lessons.
    With `reload`, a changed file is read again before the next call; a damaged file is ignored
    until it is fixed.

    Raises LibraryError for a library that cannot be read, ValueError for any other argument.
    """

    def __init__(
        self,
        library: LibraryLike | None = None,
        top_k: int | None = None,
        embeddings: "Embeddings | None" = None,
        format: str | Wording | None = None,
        reload: bool = False,
    ) -> None:
        super().__init__()
        self._file = library_file(library) if isinstance(library, str | Path) else None
        if top_k is not None and (type(top_k) is not int or top_k < 1):
            raise ValueError(
                f"top_k is {top_k!r}: give a whole number from 1, or None for every lesson"
            )
        if embeddings is not None and top_k is None:
            raise ValueError("embeddings choose among lessons: set top_k to say how many")
        if embeddings is not None and not hasattr(embeddings, "embed_query"):
            raise ValueError(f"embeddings is {embeddings!r}: give embeddings of LangChain's kind")
        if reload and self._file is None:
            raise ValueError("reload=True needs a file: pass the library's path")
        if library is None and top_k is not None:
            raise ValueError("top_k needs a library; during training, use the setting top_k")
        self._is_open = library is None
        if self._is_open:
            self.state_schema = TrainedState
        self._top_k, self._reload = top_k, reload
        self._retrieval = TalkRetrieval(embeddings)
        self._word = read_format(format)
        self._mark = self._read_mark()
        # Read after the mark, so that a change in the meantime is noticed.
        self._known = self._know(load_library(self._file or ({} if library is None else library)))
        digest = hashlib.sha256(self._known.lines.encode()).hexdigest()
        self._source = str(self._file) if self._file else digest[:8]

    @property
    def name(self) -> str:
        """Give each library of one agent its own name: `create_agent` rejects duplicates."""
        return f"{super().name}({self._source})"

    def wrap_model_call(self, request: ModelRequest[Any], handler: Handler) -> ModelResponse[Any]:
        """Add the lessons to the call."""
        return handler(self._with_lessons(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: AsyncHandler
    ) -> ModelResponse[Any]:
        """Add the lessons to the call."""
        if self._reload or self._top_k:  # it waits for a file or a model: not on the loop
            return await handler(await in_thread(self._with_lessons, request))
        return await handler(self._with_lessons(request))

    def _with_lessons(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        if self._reload:
            self._refresh()
        block = self._find_block(request)
        if not block:
            return request
        system = add_block(request.system_message, block, constant=self._top_k is None)
        return request.override(system_message=system)

    def _find_block(self, request: ModelRequest[Any]) -> str:
        if self._is_open:
            lessons = active_experiences(parse_lessons(str(request.state.get(LESSONS) or "")))
            return self._word(lessons) if lessons else ""
        return self._choose(request.messages) if self._top_k else self._known.block

    def _choose(self, messages: Sequence[AnyMessage]) -> str:
        known = self._known
        asked = [m.text for m in messages if isinstance(m, HumanMessage)][-_TURNS:]
        # "Please go on" names no subject, but earlier questions do.
        question, talk = "".join(asked[-1:]), "\n".join(asked[::-1]) if len(asked) > 1 else ""
        top_k = self._top_k or len(known.lessons)
        ids = self._retrieval.choose(known.lines, question, top_k, talk)
        chosen = [lesson for lesson in known.lessons if lesson["id"] in ids]
        return self._word(chosen) if chosen else ""

    def _refresh(self) -> None:
        mark = self._read_mark()
        if mark == self._mark or self._file is None:
            return
        self._mark = mark
        try:
            self._known = self._know(load_library(self._file))
        except LibraryError as error:
            log.warning("the lessons stay unchanged: %s", error)

    def _read_mark(self) -> object:
        """Return a mark that differs once a file has changed."""
        try:
            found = self._file.stat() if self._file else None
        except OSError:
            return None
        return found and (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)

    def _know(self, library: Library) -> "_Known":
        lessons = active_experiences(library)
        block = self._word(lessons) if lessons and self._top_k is None else ""
        return _Known(lessons, render_lessons(lessons), block)


@dataclass(frozen=True)
class _Known:
    """A library as calls need it, in one object so that it changes atomically."""

    lessons: list[Experience]
    lines: str
    block: str
    """The text for every call, if nothing is chosen."""


def read_format(format: str | Wording | None) -> Wording:
    """Return the function that words the lessons; raise ValueError without placeholder."""
    if format is None:
        return _word_as_in_training
    if callable(format):
        return format
    if not isinstance(format, str):
        raise ValueError(f"format is {format!r}: give a text with {_PLACE}, or a function")
    if _PLACE not in format:
        raise ValueError(f"format has no placeholder for the lessons: add {_PLACE} to {format!r}")
    return partial(_fill, format)


# Not lambdas: the middleware can be pickled and copied.
def _word_as_in_training(lessons: Sequence[Experience]) -> str:
    return experience_block(render_lessons(lessons))


def _fill(template: str, lessons: Sequence[Experience]) -> str:
    return template.replace(_PLACE, render_lessons(lessons))
