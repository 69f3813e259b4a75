"""A training service for several tenants: start a run, watch it, cancel it, resume it.

    DATABASE=runs.sqlite uvicorn service:app          # or DATABASE=postgresql://…

Every run is a thread `tenant/name`. The tenant comes from a header here; in your application it
comes from whoever authenticates your users.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.responses import StreamingResponse
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from pydantic import BaseModel

from training_free_grpo import (
    Budget,
    NoSuchRun,
    Policy,
    ais_finished,
    build_training_graph,
)

FIRST = {"epochs": 1, "batch_size": 2, "group_size": 2, "tools": "none"}


@asynccontextmanager
async def open_saver(database: str) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """Open the checkpoints of all runs, in a file or in PostgreSQL."""
    if database.startswith("postgresql://"):
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

        async with AsyncPostgresSaver.from_conn_string(database) as saver:
            await saver.setup()
            yield saver
    else:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        async with AsyncSqliteSaver.from_conn_string(database) as saver:
            yield saver


class Run:
    """A run at work in this process, and what it has told so far."""

    def __init__(self, graph: Any, given: Any, config: RunnableConfig, context: Any) -> None:
        self.told: list[str] = []
        self._more = asyncio.Condition()
        self.task = asyncio.create_task(self._run(graph, given, config, context))

    async def _run(self, graph: Any, given: Any, config: RunnableConfig, context: Any) -> None:
        try:
            async for event in graph.astream(given, config, context=context, stream_mode="custom"):
                await self._tell(event)
            await self._tell({"event": "finished"})
        except asyncio.CancelledError:
            await self._tell({"event": "cancelled"})
            raise
        except Exception as error:  # noqa: BLE001 - a failed run is an event, too
            await self._tell({"event": "failed", "reason": str(error)})

    async def _tell(self, event: dict[str, Any]) -> None:
        async with self._more:
            self.told.append(f"data: {json.dumps(event)}\n\n")
            self._more.notify_all()

    async def events(self) -> AsyncIterator[str]:
        """Yield all events as server-sent events, from the first one on."""
        seen = 0
        while seen < len(self.told) or not self.task.done():
            async with self._more:
                await self._more.wait_for(partial(self._has_news, seen))
            for event in self.told[seen:]:
                seen += 1
                yield event

    def _has_news(self, seen: int) -> bool:
        return seen < len(self.told) or self.task.done()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold the graph for as long as the server runs; cancelled runs are resumed by their users."""
    async with open_saver(os.environ.get("DATABASE", "runs.sqlite")) as saver:
        app.state.graph = build_training_graph(
            checkpointer=saver,
            settings=FIRST,
            policy=Policy.from_environment(),
            budget=Budget(calls=10_000),
        )
        app.state.runs = {}
        yield
        for run in app.state.runs.values():
            run.task.cancel()
            with suppress(asyncio.CancelledError):
                await run.task


app = FastAPI(lifespan=lifespan)


def thread_of(name: str, x_tenant: Annotated[str, Header()]) -> str:
    """Return the thread of a run: no tenant can name that of another."""
    if "/" in x_tenant:
        raise HTTPException(400, "a tenant's name holds no slash")
    return f"{x_tenant}/{name}"


Thread = Annotated[str, Depends(thread_of)]


class Start(BaseModel):
    """What a run starts from."""

    problems: list[dict[str, Any]]
    settings: dict[str, Any] = {}


def config_of(thread: str) -> RunnableConfig:
    """Return the config of a thread."""
    return {"configurable": {"thread_id": thread}}


def begin(thread: str, given: Any, context: Any) -> dict[str, str]:
    """Run the graph on a thread, unless it is at work there."""
    known = app.state.runs.get(thread)
    if known and not known.task.done():
        raise HTTPException(409, "this run is at work")
    app.state.runs[thread] = Run(app.state.graph, given, config_of(thread), context)
    return {"thread": thread}


@app.post("/runs/{name}", status_code=202)
async def start(thread: Thread, body: Start) -> dict[str, str]:
    """Start a run."""
    return begin(thread, {"problems": body.problems}, body.settings)


@app.post("/runs/{name}/resume", status_code=202)
async def resume(thread: Thread, body: dict[str, Any]) -> dict[str, str]:
    """Resume a run that was cancelled, or broke off with the server."""
    if await finished(thread):
        raise HTTPException(409, "this run is finished")
    return begin(thread, None, body)


@app.get("/runs/{name}/events")
async def events(thread: Thread) -> StreamingResponse:
    """Stream what happens in a run."""
    if thread not in app.state.runs:
        raise HTTPException(404, "this run is not at work here: resume it")
    return StreamingResponse(app.state.runs[thread].events(), media_type="text/event-stream")


@app.delete("/runs/{name}")
async def cancel(thread: Thread) -> dict[str, bool]:
    """Cancel a run; it asks no model any more."""
    run = app.state.runs.get(thread)
    return {"cancelled": bool(run and run.task.cancel())}


@app.get("/runs/{name}")
async def show(thread: Thread) -> dict[str, Any]:
    """Return how far a run is, and what it has learned."""
    done = await finished(thread)
    values = (await app.state.graph.aget_state(config_of(thread))).values
    return {"finished": done, "step": values.get("step"), "library": values.get("library")}


async def finished(thread: str) -> bool:
    """Tell whether a run has come to its end."""
    try:
        return await ais_finished(app.state.graph, config_of(thread))
    except NoSuchRun as error:
        raise HTTPException(404, str(error)) from None
