"""Mixed text for a real model: stories, source code and fortunes, a third of the tokens each.

    python -m benchmarks.real_model.corpus --model MODEL --stories STORIES --fortunes FOLDER \\
        --out FILE

STORIES is a JSON list of strings; FOLDER holds fortune files as in Debian's package `fortunes`
(`apt-get download fortunes && dpkg -x fortunes_*.deb FOLDER`); the source code is that of this
Python's standard library. The same sources and the same tokenizer give the same bytes.
"""

import argparse
import hashlib
import json
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

TOKENS = 400_000
SHORTEST = 100
"""Characters of a fortune that is taken."""
SOURCE = range(1_000, 12_001)
"""Characters of a module that is taken."""
LEFT_OUT = {"site-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo"}
"""Folders of the standard library."""


def stories(file: Path) -> Iterator[str]:
    """The strings of a JSON list."""
    yield from json.loads(file.read_text())


def fortunes(folder: Path) -> Iterator[str]:
    """What stands between lines of `%`, in all files of a folder."""
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.is_symlink() or file.suffix in {".dat", ".u8"}:
            continue
        for text in file.read_text("utf-8", errors="replace").split("\n%\n"):
            if len(text.strip("\n%")) >= SHORTEST:
                yield text.strip("\n%")


def source_code() -> Iterator[str]:
    """Modules of the standard library, whole."""
    library = Path(sysconfig.get_paths()["stdlib"])
    for file in sorted(library.rglob("*.py")):
        if not LEFT_OUT & set(file.relative_to(library).parts):
            text = file.read_text("utf-8", errors="replace")
            if len(text) in SOURCE:
                yield text


def mixture(kinds: list[list[str]], tokens: int, count: Callable[[str], int]) -> list[str]:
    """Documents of each kind in equal parts, together about so many tokens, in an order that their
    own text decides."""
    mixed: list[str] = []
    for documents in kinds:
        left = tokens // len(kinds)
        for text in sorted(documents, key=_digest):
            length = count(text)
            if length <= left:
                mixed.append(text)
                left -= length
    return sorted(mixed, key=_digest)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", errors="replace")).digest()


def write(model: Path, story_file: Path, fortune_folder: Path, out: Path, tokens: int) -> int:
    """Write the corpus as a JSON list; gives how many documents it has."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)  # type: ignore[no-untyped-call]
    kinds = [list(stories(story_file)), list(fortunes(fortune_folder)), list(source_code())]
    documents = mixture(
        kinds, tokens, lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"])
    )
    out.write_text(json.dumps(documents))
    return len(documents)


def main() -> None:
    """Write it to a file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="whose tokens are counted")
    parser.add_argument("--stories", type=Path, required=True)
    parser.add_argument("--fortunes", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=TOKENS)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    count = write(options.model, options.stories, options.fortunes, options.out, options.tokens)
    print(f"{count:,} documents in {options.out}")


if __name__ == "__main__":
    main()
