"""The experience library: lessons under stable ids, edited by operations, kept as plain JSON."""

from training_free_grpo.library.changes import diff_libraries, trace_changes
from training_free_grpo.library.exporting import FORMS, export_library
from training_free_grpo.library.files import (
    library_file,
    load_library,
    read_library,
    save_library,
)
from training_free_grpo.library.forms import HasLibrary, LibraryLike
from training_free_grpo.library.importing import import_library
from training_free_grpo.library.lessons import (
    LibraryError,
    active_experiences,
    empty_library,
    list_ids,
    nowhere,
    number,
    one_line,
    parse_lessons,
    render_lessons,
    render_library,
    select_lessons,
    words,
)
from training_free_grpo.library.operations import (
    apply_operation,
    apply_plan,
    check_novelty,
    check_operation,
)

__all__ = [
    "FORMS",
    "HasLibrary",
    "LibraryError",
    "LibraryLike",
    "active_experiences",
    "apply_operation",
    "apply_plan",
    "check_novelty",
    "check_operation",
    "diff_libraries",
    "empty_library",
    "export_library",
    "import_library",
    "library_file",
    "list_ids",
    "load_library",
    "nowhere",
    "number",
    "one_line",
    "parse_lessons",
    "read_library",
    "render_lessons",
    "render_library",
    "save_library",
    "select_lessons",
    "trace_changes",
    "words",
]
