"""The sandbox, the search engine and the database."""

from training_free_grpo.doctor.finding import Finding
from training_free_grpo.models import ModelError
from training_free_grpo.rollouts.toolbox import default_toolbox, start_tools
from training_free_grpo.settings import Settings, SettingsError
from training_free_grpo.storage.postgres import DatabaseError, describe_database
from training_free_grpo.tools.python_sandbox import PythonSandbox, SandboxUnavailable

_PATIENCE = 10


def check_sandbox() -> Finding:
    """Start the Python sandbox, which tests itself, and run a program in it."""
    try:
        with PythonSandbox(workers=1) as sandbox:
            answer = sandbox.run("print(6 * 7)").stdout.strip()
            walls = sandbox.isolation
    except SandboxUnavailable as error:
        remedy = "see docs/sandbox.md, or disable Python: --set tools=search,pages"
        return Finding("sandbox", "failed", str(error), remedy)
    if answer != "42":
        return Finding("sandbox", "failed", f"6 * 7 gave {answer!r}", "see docs/sandbox.md")
    said = f"programs run behind {walls} walls, which held in the self-test"
    return Finding("sandbox", "ok", said)


async def check_search(settings: Settings, ask: bool) -> Finding:
    """Check that the search engine is set up; if requested, send it one query."""
    only = settings.model_copy(update={"tools": "search"})
    remedy = "check the network; engines with a key are more reliable: --set search=tavily"
    if settings.search.startswith("corpus:"):
        remedy = "name an existing file or folder of documents"
    elif settings.search != "duckduckgo":
        remedy = "set its key and check the network, or choose another: --set search=duckduckgo"
    try:
        await start_tools(only)
        if not ask:
            said = f"{settings.search} is set up; it was not queried (--search sends one query)"
            return Finding("search", "ok", said)
        call = {
            "name": "web_search",
            "args": {"query": "Great Wall"},
            "id": "1",
            "type": "tool_call",
        }
        found = await default_toolbox(only).tools[0].ainvoke(call)
    except (SettingsError, ModelError) as error:
        return Finding("search", "failed", str(error), remedy)
    except Exception as error:  # noqa: BLE001 - every engine fails in its own way
        return Finding("search", "failed", f"{type(error).__name__}: {error}", remedy)
    if not found.artifact:
        return Finding("search", "failed", str(found.content), remedy)
    return Finding("search", "ok", f"{settings.search} gave {len(found.artifact)} results")


def check_database(url: str) -> Finding:
    """Connect to the database, and check that runs can be created in it."""
    try:
        place = describe_database(url)
    except DatabaseError as error:
        return Finding("database", "failed", str(error))
    import psycopg

    remedy = "see docs/durability.md"
    allowed = "SELECT has_database_privilege(current_database(), 'CREATE')"
    try:
        with psycopg.connect(url, connect_timeout=_PATIENCE) as connection:
            row = connection.execute(allowed).fetchone()
    except psycopg.Error as error:
        return Finding("database", "failed", f"{place}: {type(error).__name__}: {error}", remedy)
    if row != (True,):
        remedy = "GRANT CREATE ON DATABASE … TO the user: each run is a schema"
        return Finding("database", "failed", f"{place}: the user may not create schemas", remedy)
    return Finding("database", "ok", f"{place}: connected, and runs can be created")
