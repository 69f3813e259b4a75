"""The protocols of the providers: each reads a request into OpenAI's form, and writes an answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

JSON = dict[str, Any]


@dataclass(frozen=True)
class Protocol:
    """Where it is spoken, and how."""

    path: str
    read: Callable[[JSON], JSON]
    write: Callable[[JSON, str, JSON], web.Response]


def function(call: JSON) -> tuple[str, JSON]:
    """Return the name and the arguments of a call."""
    return call["function"]["name"], json.loads(call["function"]["arguments"])


def named_call(id: str, name: str, given: JSON) -> JSON:
    """Make a call in OpenAI's form."""
    return {
        "id": id,
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(given)},
    }


def named_tool(name: str, schema: JSON) -> JSON:
    return {"type": "function", "function": {"name": name, "parameters": schema}}


def text_of(content: Any) -> str:
    """Return the text of a content, whether it comes in blocks or not."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return str(content or "")


def read_chat(body: JSON) -> JSON:
    shown = [m | {"content": text_of(m.get("content"))} for m in body["messages"]]
    return body | {"messages": shown}


def write_chat(message: JSON, finish: str, usage: JSON) -> web.Response:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": "x"}
    return web.json_response(head | {"choices": [choice], "usage": usage})


def read_messages(body: JSON) -> JSON:
    """Read Anthropic's form."""
    messages: list[JSON] = []
    if body.get("system"):
        messages.append({"role": "system", "content": text_of(body["system"])})
    for message in body["messages"]:
        content = message["content"]
        blocks: list[JSON] = content
        if isinstance(content, str):
            blocks = [{"type": "text", "text": content}]
        used = [b for b in blocks if b["type"] == "tool_use"]
        for block in (b for b in blocks if b["type"] == "tool_result"):
            said = text_of(block.get("content"))
            messages.append({"role": "tool", "tool_call_id": block["tool_use_id"], "content": said})
        said = text_of([b for b in blocks if b["type"] == "text"])
        if said or used:
            calls = [named_call(str(b["id"]), str(b["name"]), dict(b["input"])) for b in used]
            extra = {"tool_calls": calls} if calls else {}
            messages.append({"role": message["role"], "content": said, **extra})
    found = {k: v for k, v in body.items() if k not in ("system", "tools", "output_config")}
    found |= {"messages": messages, "marked": "cache_control" in json.dumps(body.get("system"))}
    if tools := body.get("tools"):
        found["tools"] = [named_tool(tool["name"], tool["input_schema"]) for tool in tools]
    if isinstance(choice := body.get("tool_choice"), dict):
        found["tool_choice"] = choice["type"]
    if "format" in (body.get("output_config") or {}):
        found["response_format"] = {"type": "json_schema"}
    return found


def write_messages(message: JSON, finish: str, usage: JSON) -> web.Response:
    blocks: list[JSON] = (
        [{"type": "text", "text": message["content"]}] if message["content"] else []
    )
    for call in message.get("tool_calls") or []:
        name, given = function(call)
        blocks.append({"type": "tool_use", "id": call["id"], "name": name, "input": given})
    used = {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude"}
    end = {"stop_reason": finish, "stop_sequence": None, "usage": used}
    return web.json_response(head | {"content": blocks} | end)


def read_generate(body: JSON) -> JSON:
    """Read Google's form."""
    messages: list[JSON] = []
    if system := body.get("systemInstruction"):
        messages.append({"role": "system", "content": text_of(system["parts"])})
    last = ""
    for content in body["contents"]:
        parts = content["parts"]
        for part in (p["functionResponse"] for p in parts if "functionResponse" in p):
            said = json.dumps(part["response"])
            messages.append({"role": "tool", "tool_call_id": last, "content": said})
        said = text_of([p for p in parts if "text" in p])
        calls = [p["functionCall"] for p in parts if "functionCall" in p]
        if said or calls:
            role = "assistant" if content.get("role") == "model" else "user"
            last = calls[0].get("id") or "call_0_0" if calls else last
            made = [named_call(last, call["name"], call.get("args", {})) for call in calls]
            extra = {"tool_calls": made} if made else {}
            messages.append({"role": role, "content": said, **extra})
    config = body.get("generationConfig") or {}
    found: JSON = {"messages": messages}
    found |= {k: config[k] for k in ("temperature",) if k in config}
    found |= {"max_tokens": config["maxOutputTokens"]} if "maxOutputTokens" in config else {}
    if tools := body.get("tools"):
        declared = [d for tool in tools for d in tool.get("functionDeclarations", [])]
        found["tools"] = [named_tool(d["name"], d.get("parameters", {})) for d in declared]
    mode = (body.get("toolConfig") or {}).get("functionCallingConfig", {}).get("mode")
    found |= {"tool_choice": mode.lower()} if mode else {}
    if config.get("responseMimeType") == "application/json":
        found["response_format"] = {"type": "json_schema"}
    return found


def write_generate(message: JSON, finish: str, usage: JSON) -> web.Response:
    parts: list[JSON] = [{"text": message["content"]}] if message["content"] else []
    for call in message.get("tool_calls") or []:
        name, given = function(call)
        parts.append({"functionCall": {"id": call["id"], "name": name, "args": given}})
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": finish, "index": 0}
    used = {
        "promptTokenCount": usage["prompt_tokens"],
        "candidatesTokenCount": usage["completion_tokens"],
        "totalTokenCount": usage["total_tokens"],
    }
    return web.json_response({"candidates": [candidate], "usageMetadata": used})


def read_ollama(body: JSON) -> JSON:
    """Read Ollama's own form."""
    options = body.get("options") or {}
    messages = [m | {"tool_call_id": "call_0_0"} for m in body["messages"]]
    for message in messages:
        for call in message.get("tool_calls") or []:
            call["id"] = "call_0_0"
    found = {"messages": messages} | {k: options[k] for k in ("temperature",) if k in options}
    found |= {"max_tokens": options["num_predict"]} if "num_predict" in options else {}
    found |= {"tools": body["tools"]} if body.get("tools") else {}
    return found | ({"response_format": {"type": "json_schema"}} if body.get("format") else {})


def write_ollama(message: JSON, finish: str, usage: JSON) -> web.Response:
    said: JSON = {"role": "assistant", "content": message["content"] or ""}
    calls = [function(call) for call in message.get("tool_calls") or []]
    if calls:
        said["tool_calls"] = [{"function": {"name": n, "arguments": a}} for n, a in calls]
    head = {"model": "x", "created_at": "2026-01-01T00:00:00Z", "message": said, "done": True}
    tokens = {"prompt_eval_count": usage["prompt_tokens"], "eval_count": usage["completion_tokens"]}
    reason = "stop" if finish == "tool_calls" else finish
    line = json.dumps(head | {"done_reason": reason} | tokens)
    return web.Response(text=line + "\n", content_type="application/x-ndjson")


def read_responses(body: JSON) -> JSON:
    """Read the form of OpenAI's Responses API."""
    messages: list[JSON] = []
    for item in body["input"]:
        if item.get("type") == "function_call":
            call = named_call(item["call_id"], item["name"], json.loads(item["arguments"]))
            messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
        elif item.get("type") == "function_call_output":
            said = text_of(item["output"])
            messages.append({"role": "tool", "tool_call_id": item["call_id"], "content": said})
        elif "role" in item:
            messages.append({"role": item["role"], "content": text_of(item["content"])})
    found = {k: v for k, v in body.items() if k in ("temperature", "tool_choice")}
    found["messages"] = messages
    if tools := body.get("tools"):
        found["tools"] = [named_tool(t["name"], t["parameters"]) for t in tools]
    if "format" in (body.get("text") or {}):
        found["response_format"] = {"type": "json_schema"}
    return found


def write_responses(message: JSON, finish: str, usage: JSON) -> web.Response:
    output: list[JSON] = []
    if message["content"]:
        text = {"type": "output_text", "text": message["content"], "annotations": []}
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
        output.append(item | {"content": [text]})
    for call in message.get("tool_calls") or []:
        item = {"type": "function_call", "id": "fc_1", "call_id": call["id"], "status": "completed"}
        output.append(item | {"name": call["function"]["name"]})
        output[-1]["arguments"] = call["function"]["arguments"]
    whole = finish in ("stop", "tool_calls")
    used = {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage["total_tokens"],
    }
    head = {"id": "resp_1", "object": "response", "created_at": 0, "model": "x", "error": None}
    head |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": used}
    head |= {"status": "completed" if whole else "incomplete", "output": output}
    reason = {"length": "max_output_tokens"}.get(finish, finish)
    return web.json_response(head | {"incomplete_details": None if whole else {"reason": reason}})


_DEPLOYMENT = "/openai/deployments/{name}/chat/completions"
PROTOCOLS = {
    "chat": Protocol("/v1/chat/completions", read_chat, write_chat),
    "responses": Protocol("/v1/responses", read_responses, write_responses),
    "azure": Protocol(_DEPLOYMENT, read_chat, write_chat),
    "groq": Protocol("/openai/v1/chat/completions", read_chat, write_chat),
    "messages": Protocol("/v1/messages", read_messages, write_messages),
    "generate": Protocol("/{v}/models/{name}", read_generate, write_generate),
    "ollama": Protocol("/api/chat", read_ollama, write_ollama),
}
