"""All checks in order, free ones first."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from training_free_grpo.doctor.endpoints import check_models
from training_free_grpo.doctor.finding import Finding, hide_secrets
from training_free_grpo.doctor.machine import check_folder, check_keys, check_packages
from training_free_grpo.doctor.tools import check_database, check_sandbox, check_search
from training_free_grpo.settings import Settings


async def examine(
    settings: Settings, runs_dir: Path, database: str | None = None, search: bool = False
) -> AsyncIterator[Finding]:
    """Run all checks, free ones first; `search` sends one query to the search engine."""
    for finding in (check_packages(), check_keys(), check_folder(runs_dir)):
        yield hide_secrets(finding)
    if "python" in settings.tools:
        yield hide_secrets(await asyncio.to_thread(check_sandbox))
    if "search" in settings.tools:
        yield hide_secrets(await check_search(settings, search))
    if database:
        yield hide_secrets(await asyncio.to_thread(check_database, database))
    async for finding in check_models(settings):
        yield hide_secrets(finding)
