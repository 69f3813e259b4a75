"""Tell whoever streams a graph what happens in it."""

from langgraph.config import get_stream_writer

from training_free_grpo.records import Event


def tell(event: Event) -> None:
    """Write an event to the stream of the running graph, its `custom` mode."""
    get_stream_writer()(event)
