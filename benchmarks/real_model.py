"""What a real model learns: `python -m benchmarks.real_model URL --folder FOLDER`.

GSM8K problems (`gsm8k_test.jsonl` in TFGRPO_DATA), some to learn from, others held out, drawn by a
hash of their ids. Everything happens by the public commands: `tfgrpo evaluate` without a library,
`tfgrpo train`, then `tfgrpo evaluate` with the library beside a placebo; with `--equal-cost` also
beside as many attempts as the same tokens buy. All arms share problems and seeds.

Rerun the command to continue after a stop: answers that were paid for are kept. `report.md` in
the folder holds what is known so far.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

JSON = dict[str, Any]
CLI = [sys.executable, "-m", "training_free_grpo"]
PLACEBO = {
    "G0": "Sauces: when a sauce is thin, reduce it over low heat rather than add flour.",
    "G1": "Bread: when a dough is sticky, let it rest for a night before shaping.",
    "G2": "Rice: when rice is to be loose, rinse it until the water runs clear.",
}
ROW = "| {:<16} | {:>8} | {:>16} | {:>8} | {:>19} |"


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", help="OpenAI-compatible endpoint, such as http://127.0.0.1:8080/v1")
    parser.add_argument("--folder", type=Path, default=Path("runs/real-model"))
    parser.add_argument("--model", help="name to ask for; by default the first that is served")
    parser.add_argument("--train", type=int, default=12, help="problems to learn from")
    parser.add_argument("--held-out", type=int, default=24, help="problems to measure on")
    parser.add_argument("--group-size", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--k", type=int, default=2, help="attempts at each held-out problem")
    parser.add_argument("--max-output-tokens", type=int, default=400)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--equal-cost", action="store_true", help="also vote for the same tokens")
    return parser.parse_args()


def served_model(url: str) -> str:
    """Return the name of the first model that an endpoint serves."""
    with urllib.request.urlopen(f"{url}/models", timeout=60) as answer:
        name: str = json.load(answer)["data"][0]["id"]
    return name


def draw_problems(options: argparse.Namespace) -> None:
    """Write the problems to learn from and those held out, the same on every machine."""
    source = Path(os.environ["TFGRPO_DATA"]) / "gsm8k_test.jsonl"
    rows = [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    rows.sort(key=lambda row: hashlib.sha256(f"{options.seed}/{row['id']}".encode()).digest())
    parts = {"training": rows[: options.train]}
    parts["held-out"] = rows[options.train : options.train + options.held_out]
    for name, part in parts.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in part)
        (options.folder / f"{name}.jsonl").write_text(text, "utf-8")
    (options.folder / "placebo.json").write_text(json.dumps(PLACEBO), "utf-8")


def stages(options: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands in their order, each with the name that its result is kept under."""
    folder, model = options.folder, options.model
    asked = ["--model", f"openai:{model}", "--base-url", options.url, "--seed", str(options.seed)]
    asked += ["--concurrency", str(options.concurrency), "--runs-dir", str(folder / "runs")]
    limits = {"tools": "none", "max_output_tokens": options.max_output_tokens}
    limits |= {"call_timeout": 7200, "rollout_timeout": 14400, "max_retries": 2}
    asked += [part for name, value in limits.items() for part in ("--set", f"{name}={value}")]
    evaluate = ["evaluate", str(folder / "held-out.jsonl"), "--run", "held-out"]
    evaluate += ["--k", str(options.k), *asked]
    train = ["train", str(folder / "training.jsonl"), "--run", "learned"]
    for name in ("epochs", "batch_size", "group_size"):
        train += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    library = ["--library", str(folder / "runs" / "learned"), "--baseline"]
    placebo = ["--placebo", str(folder / "placebo.json")]
    yield "without library", evaluate
    yield "training", [*train, *asked]
    yield "with library", [*evaluate, *library]
    yield "placebo", [*evaluate, *library, *placebo]
    if options.equal_cost:
        yield "equal cost", [*evaluate, *library, *placebo, "--equal-cost"]


def run_stage(folder: Path, name: str, command: list[str]) -> JSON:
    """Run a command, unless its result is there already; leave this process if it fails."""
    kept = folder / "results" / f"{name.replace(' ', '-')}.json"
    if not kept.exists():
        print(f"{name}: tfgrpo {' '.join(command)}", flush=True)
        done = subprocess.run([*CLI, *command, "--json", "--quiet"], stdout=subprocess.PIPE)
        if done.returncode:
            sys.exit(f"{name} ended with {done.returncode}; rerun the same command to continue")
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(done.stdout.strip().splitlines()[-1])
    found: JSON = json.loads(kept.read_text("utf-8"))
    return found


def percent(value: float) -> str:
    """Write a share as a percentage."""
    return f"{100 * value:.1f} %"


def points(difference: JSON) -> str:
    """Write a paired difference with its interval."""
    low, high = (100 * bound for bound in difference["interval"])
    return f"{100 * difference['difference']:+.1f} [{low:+.1f}, {high:+.1f}]"


def describe_arms(found: JSON) -> Iterator[str]:
    """Yield a table of all arms, each compared with the library."""
    yield ROW.format("arm", "mean@k", "95 % interval", "calls", "library's gain")
    yield ROW.format("---", "---:", "---:", "---:", "---:")
    for arm, figures in found["evaluations"].items():
        low, high = (100 * bound for bound in figures["interval"])
        calls = sum(role["calls"] for role in figures["usage"].values())
        gain = found["differences"].get(arm)
        yield ROW.format(
            arm,
            percent(figures["mean"]),
            f"[{low:.1f}, {high:.1f}]",
            calls,
            points(gain) if gain else "",
        )


def describe_training(found: JSON) -> Iterator[str]:
    """Yield the lessons, the rejections and the cost."""
    steps, total = found["metrics"], found["usage"]["total"]
    contrast = sum(step["groups_with_contrast"] for step in steps)
    proposals = sum(step["proposals"] for step in steps)
    applied = sum(sum(step["applied"].values()) for step in steps)
    rewards = ", ".join(percent(step["mean_reward"]) for step in steps)
    yield (
        f"{len(steps)} steps, reward {rewards}; {contrast} groups with contrast, {proposals} "
        f"proposals, {applied} applied. {total['calls']} calls, {total['input']:,} + "
        f"{total['output']:,} tokens, {total['retries']} retries, {total['repairs']} repairs."
    )
    lessons = [e for e in found["library"]["experiences"].values() if e["status"] == "active"]
    yield f"\nLessons in force at the end ({len(lessons)}):\n"
    yield from (f"- `[{lesson['id']}] {lesson['content']}`" for lesson in lessons)
    reasons = Counter(r["reason"] for step in steps for r in step["rejected"])
    if reasons:
        yield "\nRejected:\n"
        yield from (f"- {count} × {reason}" for reason, count in reasons.most_common())
    missing = Counter(reason for step in steps for reason in step["missing"].items())
    missing |= Counter(reason for step in steps for reason in step["groups_lost"].items())
    if missing:
        yield "\nLost:\n"
        yield from (f"- {count} × {reason}" for reason, count in missing)


def write_report(options: argparse.Namespace, results: dict[str, JSON]) -> None:
    """Write down what is known so far."""
    arms = [name for name in results if name != "training"]
    lines = [
        "# What a real model learned",
        f"{date.today()}, {options.model} at {options.url}, {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}.",
        f"{options.train} GSM8K problems to learn from, G {options.group_size}, {options.epochs} "
        f"epochs; {options.held_out} held out, k {options.k}; seed {options.seed}.",
        f"Command: `python -m benchmarks.real_model {' '.join(sys.argv[1:])}`",
    ]
    if arms:
        lines.append("\n".join(describe_arms(results[arms[-1]])))
    if "training" in results:
        lines.append("\n".join(describe_training(results["training"])))
    text = "\n\n".join(lines) + "\n"
    (options.folder / "report.md").write_text(text, "utf-8")


def main() -> None:
    """Go through the stages, and write the report after each."""
    options = read_options()
    options.model = options.model or served_model(options.url)
    options.folder.mkdir(parents=True, exist_ok=True)
    draw_problems(options)
    results: dict[str, JSON] = {}
    for name, command in stages(options):
        if "--library" in command and not results["training"]["library"]["next_id"]:
            print("nothing was learned, so there is no library to measure")
            break
        results[name] = run_stage(options.folder, name, command)
        write_report(options, results)
    print((options.folder / "report.md").read_text("utf-8"))


if __name__ == "__main__":
    main()
