"""How good the default recipes are on a model that people use, end to end.

    python -m benchmarks.real_model --model MODEL --stories STORIES --fortunes FOLDER

Everything goes through the `brainsurg` command: mixed text (`corpus.py`) is captured, an SAE of
each architecture and width is trained on it, and each is evaluated on documents it has not seen, on
their activations without sinks and inside the model. With `--workspace` what is there already is
taken as it is, and everything stays there.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.real_model import corpus
from benchmarks.stories import brainsurg, stop_engine
from benchmarks.training import report
from benchmarks.training.table import markdown

SET = "mixed"


def measure(workspace: Path, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """What `train` and `evaluate` say of each architecture and width."""
    if not (workspace / "activations" / SET).exists():
        text = workspace / "mixed.json"
        corpus.write(options.model, options.stories, options.fortunes, text, options.text_tokens)
        where = ("--model", str(options.model), "--site", options.site, "--text", str(text))
        how = ("--context", str(options.context), "--dtype", "bfloat16")
        if options.model_dtype:
            how += ("--model-dtype", options.model_dtype)
        brainsurg(workspace, "capture", SET, *where, *how)
    said = {}
    for width in options.width:
        for arch in options.arch:
            name = f"{arch}-{width}"
            size = ("--width", str(width), "--k", str(options.k))
            if options.tokens:
                size += ("--tokens", str(options.tokens))
            trained = brainsurg(
                workspace, "train", name, "--activations", SET, "--arch", arch, *size, "--replace"
            )
            figures = brainsurg(
                workspace, "evaluate", name, "--max-tokens", str(options.evaluate_tokens)
            )
            said[name] = {"width": width, "arch": arch, "train": trained, "evaluate": figures}
            print(page(said, options), flush=True)
    return said


def page(said: dict[str, dict[str, Any]], options: argparse.Namespace) -> str:
    """The figures, to be read."""
    rows = []
    for answers in said.values():
        trained, figures = answers["train"], answers["evaluate"]
        rows.append(
            [
                answers["arch"],
                f"{answers['width']:,}",
                f"{figures['explained_variance']:.1%}",
                f"{figures['ce_score']:.1%}",
                f"{figures['delta_ce']:.3f}",
                f"{figures['kl']:.3f}",
                f"{figures['l0']:.1f}",
                f"{figures['dead_fraction']:.1%}",
                f"{trained['tokens'] / trained['tokens_per_second']:.0f} s",
            ]
        )
    header = ["", "width", "explained variance", "CE score", "ΔCE", "KL", "L0", "dead", "training"]
    return "\n".join(
        [
            f"# {options.model.name}, {options.site}",
            "",
            "`python -m benchmarks.real_model --model MODEL --stories STORIES --fortunes FOLDER "
            f"--site {options.site} --k {options.k}`: {options.text_tokens:,} tokens of mixed "
            f"text in windows of {options.context}, all else by default; on documents held out of "
            "training, without sinks. *Dead*: active on none of these.",
            "",
            markdown(header, rows),
            "",
        ]
    )


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of a causal LM")
    parser.add_argument("--stories", type=Path, help="see `corpus.py`")
    parser.add_argument("--fortunes", type=Path, help="see `corpus.py`")
    parser.add_argument("--site", default="resid_post.15")
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--text-tokens", type=int, default=corpus.TOKENS)
    parser.add_argument("--model-dtype", default="", help="as `capture` takes it")
    parser.add_argument("--width", type=int, nargs="+", default=[4_096, 16_384])
    parser.add_argument("--arch", nargs="+", default=["topk", "batchtopk", "jumprelu"])
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--tokens", type=int, help="to train for; by default as the recipe says")
    parser.add_argument("--evaluate-tokens", type=int, default=16_384)
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--out", type=Path, default=report.RESULTS, help="folder for the results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        workspace = options.workspace or Path(folder)
        workspace.mkdir(parents=True, exist_ok=True)
        try:
            said = measure(workspace, options)
        finally:
            stop_engine(workspace)
    text = page(said, options)
    report.write(options.out, f"real-{options.model.name}", text, said)
    print(text)


if __name__ == "__main__":
    main()
