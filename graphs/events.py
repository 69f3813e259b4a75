"""Report what happens in a graph to whoever streams it."""

from langgraph.config import get_stream_writer

from training_free_grpo.records import Event


def tell(event: Event) -> None:
    """Write an event to the `custom` stream of the running graph."""
    get_stream_writer()(event)
