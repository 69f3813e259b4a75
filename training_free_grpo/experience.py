"""How an agent reads its library: the same words in learning, evaluation and deployment."""

from training_free_grpo.prompts import render_prompt


def with_experience(system: str, lessons: str) -> str:
    """Put the lessons at the end of a system prompt.

    They stand ahead of all that differs between problems, so that prefix caches hit.
    """
    return f"{system}\n\n{experience_block(lessons)}".strip() if lessons else system


def experience_block(lessons: str) -> str:
    """Return the part of a system prompt that shows the lessons; empty without any."""
    return render_prompt("experience", library=lessons) if lessons else ""
