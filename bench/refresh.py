#!/usr/bin/env python3
"""Runs the commands of a page anew and puts what they print into it.

    bench/refresh.py docs/performance.md [WORD…]

A command is a line `<!-- $ COMMAND -->` before a fenced block: the block becomes the command's
output, as run from the repository's root. With words, only commands that contain one of them.
A command that fails leaves its block as it was.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    page = pathlib.Path(sys.argv[1])
    words = sys.argv[2:]
    failed = []

    def refreshed(block):
        command = block.group(2)
        if words and not any(word in command for word in words):
            return block.group(0)
        print(f"$ {command}", flush=True)
        result = subprocess.run(["bash", "-c", command], cwd=ROOT, stdout=subprocess.PIPE,
                                text=True, check=False)
        print(result.stdout, flush=True)
        if result.returncode != 0:
            failed.append(command)
            return block.group(0)
        return f"{block.group(1)}```text\n{result.stdout.strip()}\n```"

    pattern = re.compile(r"^(<!-- \$ (.*?) -->\n+)```text\n.*?^```", re.MULTILINE | re.DOTALL)
    for place in range(len(pattern.findall(page.read_text(encoding="utf-8")))):
        # One at a time, read and written anew: a long run that is stopped keeps what it has.
        text = page.read_text(encoding="utf-8")
        block = list(pattern.finditer(text))[place]
        page.write_text(text[:block.start()] + refreshed(block) + text[block.end():], encoding="utf-8")
    if failed:
        sys.exit("failed: " + "; ".join(failed))


if __name__ == "__main__":
    main()
