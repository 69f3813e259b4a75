"""A sandbox on another machine: any server that speaks the protocol of SandboxFusion."""

import time
from typing import Any, Self

import httpx

from training_free_grpo.tools.python_sandbox.result import Clip, Result, SandboxError, Status
from training_free_grpo.tools.python_sandbox.runner import strip_fences

_TRAVEL_SECONDS = 30
_STATUSES: dict[str, Status] = {"Finished": "ok", "Error": "error", "TimeLimitExceeded": "timeout"}


class RemoteSandbox:
    """Run code by POST to `url`/run_code. The server is responsible for isolation.

    `memory_mb` and `disk_mb` are only shown to the model: the protocol sets just the time.
    """

    def __init__(
        self,
        url: str,
        timeout: float = 10,
        memory_mb: int = 1024,
        output_chars: int = 8000,
        *,
        disk_mb: int = 64,
    ) -> None:
        self.timeout = timeout
        self.memory_mb = memory_mb
        self.disk_mb = disk_mb
        self._url = url.rstrip("/")
        self._output_chars = output_chars

    def start(self) -> Self:
        """Run a first program. Raises SandboxError if there is no such server."""
        if self.run("print(6 * 7)").stdout.strip() != "42":
            raise SandboxError(f"{self._url} runs programs, but not correctly")
        return self

    def run(self, code: str) -> Result:
        """Run code and wait for it. Raises SandboxError when the server cannot."""
        started = time.monotonic()
        with httpx.Client() as client:
            try:
                answer = client.post(**self._request(code))
            except httpx.HTTPError as error:
                raise self._lost(error) from error
        return self._read(answer, time.monotonic() - started)

    async def arun(self, code: str) -> Result:
        """Run code without blocking the event loop."""
        started = time.monotonic()
        async with httpx.AsyncClient() as client:
            try:
                answer = await client.post(**self._request(code))
            except httpx.HTTPError as error:
                raise self._lost(error) from error
        return self._read(answer, time.monotonic() - started)

    def _request(self, code: str) -> dict[str, Any]:
        asked = {"language": "python", "code": strip_fences(code), "run_timeout": self.timeout}
        url, patience = f"{self._url}/run_code", self.timeout + _TRAVEL_SECONDS
        return {"url": url, "json": asked, "timeout": patience}

    def _lost(self, error: Exception) -> SandboxError:
        return SandboxError(f"{self._url} gave no answer ({type(error).__name__}: {error})")

    def _read(self, answer: httpx.Response, seconds: float) -> Result:
        try:
            answer.raise_for_status()
            said = answer.json()
            ran = said["run_result"]
            if said["status"] == "SandboxError" or ran is None:
                raise ValueError(said.get("message") or "it could not run the program")
            status = _STATUSES[ran["status"]]
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError) as error:
            raise self._lost(error) from error
        stdout, stderr = (self._clip(ran.get(name) or "") for name in ("stdout", "stderr"))
        exit_code = ran.get("return_code") or 0
        return Result(
            status="error" if status == "ok" and exit_code else status,
            stdout=stdout.text(),
            stderr=stderr.text(),
            exit_code=exit_code,
            seconds=ran.get("execution_time") or seconds,
            cpu_seconds=0.0,
            peak_mb=0.0,
            truncated=stdout.cut > 0 or stderr.cut > 0,
            isolation="remote",
        )

    def _clip(self, text: str) -> Clip:
        clip = Clip(self._output_chars)
        clip.feed(text.encode(errors="replace"))
        return clip
