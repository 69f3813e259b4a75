"""Give any `create_agent` agent its library: one line, the words of the training."""

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
"""Questions of the person that lessons are chosen by."""


class TrainedState(AgentState[Any]):
    """What an agent may be given while it is trained or measured."""

    experience_lessons: NotRequired[Annotated[str, OmitFromOutput]]


class ExperienceMiddleware(AgentMiddleware[Any, Any, Any]):
    """Show the lessons of a library (or of a library file or run folder) in the system prompt.

    Without a library it shows those of the run that the agent is trained or measured in: in the
    place, and in the words, in which they will stand once it has one.

    List it last: a middleware behind it that replaces the system prompt takes the lessons away.
    They stand at its end, byte for byte the same in every call, unless `top_k` chooses those that
    fit the last question and the talk before it: by words, with `embeddings` by meaning too.
    `format` words them: a text with the place `{{ library }}`, or a function of the lessons. With
    `reload`, a file that changes is read again before the next call; a damaged one is passed over
    until it is mended.

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
            raise ValueError("embeddings choose among lessons: say how many with top_k")
        if embeddings is not None and not hasattr(embeddings, "embed_query"):
            raise ValueError(f"embeddings is {embeddings!r}: give embeddings of LangChain's kind")
        if reload and self._file is None:
            raise ValueError("reload=True needs a file to read again: give the library's path")
        if library is None and top_k is not None:
            raise ValueError("top_k chooses from a library; while training the setting top_k does")
        self._is_open = library is None
        if self._is_open:
            self.state_schema = TrainedState
        self._top_k, self._reload = top_k, reload
        self._retrieval = TalkRetrieval(embeddings)
        self._word = read_format(format)
        self._mark = self._read_mark()
        # Read last: a file that changes meanwhile is noticed by its mark.
        self._known = self._know(load_library(self._file or ({} if library is None else library)))
        digest = hashlib.sha256(self._known.lines.encode()).hexdigest()
        self._source = str(self._file) if self._file else digest[:8]

    @property
    def name(self) -> str:
        """Tell apart the libraries of one agent: two of a name are refused by `create_agent`."""
        return f"{super().name}({self._source})"

    def wrap_model_call(self, request: ModelRequest[Any], handler: Handler) -> ModelResponse[Any]:
        """Add the lessons to the call."""
        return handler(self._with_lessons(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: AsyncHandler
    ) -> ModelResponse[Any]:
        """Add the lessons to the call."""
        if self._reload or self._top_k:  # a file or a model is waited for: not on the loop
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
        # "Please go on" names nothing: what was asked before it does.
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
            log.warning("the lessons stay as they were: %s", error)

    def _read_mark(self) -> object:
        """Return what tells a changed file."""
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
    """A library as calls need it, in one object so that a change is seen whole."""

    lessons: list[Experience]
    lines: str
    block: str
    """What every call is shown, where nothing is chosen."""


def read_format(format: str | Wording | None) -> Wording:
    """Return the function that words the lessons; raise ValueError for a text without a place."""
    if format is None:
        return _word_as_in_training
    if callable(format):
        return format
    if not isinstance(format, str):
        raise ValueError(f"format is {format!r}: give a text with {_PLACE}, or a function")
    if _PLACE not in format:
        raise ValueError(f"format has no place for the lessons: write {_PLACE} into {format!r}")
    return partial(_fill, format)


# Not lambdas: the middleware can be pickled and copied.
def _word_as_in_training(lessons: Sequence[Experience]) -> str:
    return experience_block(render_lessons(lessons))


def _fill(template: str, lessons: Sequence[Experience]) -> str:
    return template.replace(_PLACE, render_lessons(lessons))
