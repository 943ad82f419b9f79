"""Whether a feature of a real model does what it is about, from finding it to its own words.

    python -m benchmarks.real_clamp --workspace W --sae S --pattern '\\b[Mm]om\\b|\\b[Dd]ad\\b' \\
        --words mom,dad,mother,father

`grep` finds the feature that knows the pattern best in the scanned text. It is clamped at its
maximum on the seven chat prompts of the study, none of which is about it; what is tested is how
much likelier the words become, beside up to `--most-nulls` matched features, and over strengths.
"""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.stories import brainsurg, stop_engine
from benchmarks.training import report
from benchmarks.training.table import markdown
from engine.demo.prompts import SEED_PROMPTS


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """What `grep` and `clamp` say."""
    workspace = options.workspace
    found = brainsurg(workspace, "grep", options.sae, options.pattern)
    best = found["features"][0]
    clamped = brainsurg(
        workspace,
        "clamp",
        options.sae,
        *("--feature", str(best["id"]), "--times-max", "1"),
        *(word for prompt, _ in SEED_PROMPTS for word in ("--prompt", prompt)),
        *("--chat", "--generate", str(options.tokens), "--curve"),
        *("--measure", f"logp:{options.words}"),
        *("--nulls", str(options.nulls), "--most-nulls", str(options.most_nulls)),
    )
    return {"grep": found, "best": best, "clamp": clamped}


def page(said: dict[str, Any], options: argparse.Namespace) -> str:
    """The figures and the texts, to be read."""
    best, clamped = said["best"], said["clamp"]
    curve = clamped["curve"]
    tests = [
        [
            each["measure"],
            f"{each['value']:+.3f}",
            f"{each['null']['low']:+.3f} … {each['null']['high']:+.3f}",
            f"{each['null']['n']:,}",
            f"{each['null']['p']:.4f}",
        ]
        for each in clamped["pooled"]
    ]
    tested = curve["measures"][-1]
    points = [
        [
            f"{strength:g}",
            f"{tested['values'][place]:+.2f}",
            f"{tested['low'][place]:+.2f} … {tested['high'][place]:+.2f}",
            f"{curve['quality'][place]:.2f}",
            _one_line(curve["texts"][place][options.shown]),
        ]
        for place, strength in enumerate(curve["strengths"])
    ]
    shown = SEED_PROMPTS[options.shown][0]
    return "\n".join(
        [
            f"# Feature {best['id']} of {options.sae}: does it do what it is about?",
            "",
            f"`python -m benchmarks.real_clamp --workspace W --sae {options.sae} --pattern "
            f"'{options.pattern}' --words {options.words}`, {clamped['model_dtype']}, at "
            f"{clamped['site']}. Of all features it knows the pattern best: F1 {best['f1']:.2f}, "
            f"precision {best['precision']:.2f}, recall {best['recall']:.2f}.",
            "",
            f"Held at its maximum on the seven chat prompts of the study, {options.tokens} tokens "
            "each: the mean over prompts, in nats, beside the same of matched features.",
            "",
            markdown(["measure", "mean", "5–95 % of nulls", "nulls", "p"], tests),
            "",
            f"By strength, in multiples of its maximum: `{tested['measure']}`, beside "
            f"{curve['nulls']} nulls; onset {tested['onset']}, the text breaks down at "
            f"{curve['breaking']} (its own under the clean model: {curve['clean_quality']:.2f} "
            f"nats a token). The answers are to “{shown}”.",
            "",
            markdown(["strength", "mean", "5–95 % of nulls", "log p of text", "answer"], points),
            "",
        ]
    )


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")[:120]


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--sae", required=True, help="one that is scanned")
    parser.add_argument("--pattern", required=True, help="a regular expression")
    parser.add_argument("--words", required=True, help="single tokens, with commas between them")
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--nulls", type=int, default=20)
    parser.add_argument("--most-nulls", type=int, default=200)
    parser.add_argument("--shown", type=int, default=5, help="the prompt whose answers are shown")
    parser.add_argument("--out", type=Path, default=report.RESULTS, help="folder for the results")
    options = parser.parse_args()
    try:
        said = measure(options)
    finally:
        stop_engine(options.workspace)
    text = page(said, options)
    report.write(options.out, f"clamp-{options.sae}-{said['best']['id']}", text, said)
    print(text)


if __name__ == "__main__":
    main()
