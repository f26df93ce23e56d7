"""The flows of README.md, pasted into a shell: its commands give the answers below them."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"
FLOWS = re.compile(r"^## Flows by curl$(.*?)^## ", re.MULTILINE | re.DOTALL)
# A command and the answer right below it.
STEP = re.compile(r"^```sh\n([^`]*?)^```\n```json\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
# What is another in every run.
VARIES = re.compile(r'(?<="id":")[^"]+|(?<="order_id":")[^"]+|(?<="number":")[^"]+|(?<=able":)\d+')
# What an answer says while there is still work, where `Prefer: wait` was too short.
UNDER_WAY = ("pending", "processing", "unknown")

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="no curl is installed here")


class Terminal:
    """A shell into which one block after the other is pasted."""

    def __init__(self, shell: subprocess.Popen[str]) -> None:
        self._shell = shell

    def paste(self, block: str) -> str:
        """Run a block and return what it printed."""
        assert self._shell.stdin and self._shell.stdout
        self._shell.stdin.write(f"{block}\necho; echo END OF BLOCK\n")
        self._shell.stdin.flush()
        printed: list[str] = []
        for line in self._shell.stdout:
            if line == "END OF BLOCK\n":
                return "".join(printed).strip()
            printed.append(line)
        raise AssertionError("the shell has ended")


@contextmanager
def terminal() -> Iterator[Terminal]:
    """A shell as a newcomer has one, for the length of the block."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    # Its stderr holds curl's progress only.
    with subprocess.Popen(["sh"], **pipes, stderr=subprocess.DEVNULL, text=True) as shell:
        try:
            yield Terminal(shell)
        finally:
            # Also where a command hangs.
            shell.kill()


def data_of(shown: str) -> list[str]:
    """Return the parts of a shortened answer's `data` that stand between its `...`."""
    data = shown[shown.index('"data":') : shown.index(',"meta"')]
    return [part.strip(",") for part in VARIES.sub("*", data).split("...") if part.strip(",")]


def test_the_flows_answer_as_the_readme_says(
    platform: Any, eventually: Callable[..., None]
) -> None:
    platform.command("demo")
    flows = FLOWS.search(README.read_text(encoding="utf-8"))
    assert flows
    steps = STEP.findall(flows[1].replace("127.0.0.1:5000", f"127.0.0.1:{platform.port}"))
    assert len(steps) == 4
    with terminal() as shell:
        for block, shown in steps:
            answer = json.loads(shell.paste(block))
            assert answer["success"], answer
            text = settled(answer["data"], platform, shell, eventually)
            at = 0
            for part in data_of(shown):
                assert part in text[at:], f"{part} is not in {text[at:]}"
                at = text.index(part, at) + len(part)


def settled(data: Any, platform: Any, shell: Terminal, eventually: Callable[..., None]) -> str:
    """Return the data of an answer as text, read again where it was under way."""
    found = {"data": data}
    if isinstance(data, dict) and data.get("status") in UNDER_WAY:
        kind = "payments" if "order_id" in data else "orders"
        token = shell.paste('echo "$TOKEN"')

        def done() -> bool:
            path = f"/api/{kind}/{data['id']}"
            found["data"] = platform.client.call("GET", path, token=token)
            return found["data"]["status"] not in UNDER_WAY

        eventually(done, timeout=60)
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    return VARIES.sub("*", text)
