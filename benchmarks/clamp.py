"""What a clamp costs beside a plain greedy continuation of the same prompts; and a search.

    brainsurg capture set --workspace W --model MODEL --site resid_post.15 --text TEXT
    brainsurg train NAME --workspace W --activations set --width 4096
    brainsurg scan NAME --workspace W
    python -m benchmarks.clamp --workspace W --sae NAME

The plain continuation is transformers' own `generate` on the seed's seven prompts, as chat where
the model has a template, in one batch padded on the left. The clamp holds one feature at its
maximum on the same prompts, with as many new tokens, and does all that the command does: it writes
both continuations, measures the edit and its nulls, and checks itself. The search is `find` on one
prompt. Model and SAE are loaded, and everything has run once before it is timed. In each round one
follows the other in the same process. On a busy machine seconds of the processor, of all threads
together, tell more than those of the clock: both are written down.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import GenerationConfig

from benchmarks.training import report
from benchmarks.training.table import Spread, markdown
from engine.demo.prompts import SEED_PROMPTS
from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.clamp import clamp
from engine.interventions.firing import find_firing
from engine.interventions.prompt_run import ModelWithSAE
from engine.interventions.spec import ClampRequest, FeatureEdit, ModelReport
from engine.model.chat import chat_text
from engine.model.load import LanguageModel, load_model
from engine.model.site import parse_site
from engine.sae.formats.store import load_sae
from engine.workspace.folders import Workspace

ABLATED = 50
"""Features that `find` ablates."""


class Seconds(NamedTuple):
    """How long something took, by the clock and of the processor."""

    wall: float
    cpu: float


def seconds_of(work: Callable[[], object]) -> Seconds:
    """Run it once."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def plain_continuation(lm: LanguageModel, prompts: list[str], new_tokens: int) -> None:
    """transformers alone: one batch, padded on the left."""
    tokenizer = lm.tokenizer
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    batch = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
    settings = GenerationConfig(
        max_new_tokens=new_tokens,
        min_new_tokens=new_tokens,
        do_sample=False,
        eos_token_id=lm.model.generation_config.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    lm.model.generate(**batch.to(lm.device), generation_config=settings)


def works(options: argparse.Namespace, dtype: str) -> dict[str, Callable[[], Any]]:
    """What is timed, by name."""
    workspace = Workspace.at(options.workspace)
    device = torch.device(options.device)
    sae, metadata = load_sae(workspace.existing_sae(options.sae), device)
    catalogue = Catalogue.open(workspace.existing_catalogue(options.sae))
    lm = load_model(metadata.model, dtype=dtype, device=options.device)
    site = parse_site(metadata.site)
    prompts = [prompt for prompt, _ in SEED_PROMPTS]
    chat = bool(lm.tokenizer.chat_template)
    feature = options.feature
    if feature is None:  # one that many are like: the median of those that are alive, by density
        density = catalogue.columns["density"]
        alive = (density > 0).nonzero()[0]
        feature = int(alive[density[alive].argsort()[len(alive) // 2]])
    request = ClampRequest(
        sae=options.sae,
        edits=[FeatureEdit(feature=feature, value=1.0, unit="max")],
        prompts=prompts,
        generate=options.generate,
        nulls=options.nulls,
        chat=chat,
    )
    texts = [chat_text(lm, prompt) if chat else prompt for prompt in prompts]
    subject = ModelWithSAE.from_scan(lm, sae, site, catalogue)

    def whole_clamp() -> ModelReport:
        found = clamp(subject, catalogue, request)
        assert isinstance(found, ModelReport)
        return found

    return {
        "plain": lambda: plain_continuation(lm, texts, options.generate),
        "clamp": whole_clamp,
        "find": lambda: find_firing(subject, options.prompt, ablate=ABLATED),
    }


def measure(options: argparse.Namespace, dtype: str) -> list[dict[str, Seconds]]:
    """All rounds in one dtype."""
    with torch.no_grad():
        work = works(options, dtype)
        for name in work:
            work[name]()
        rounds = []
        for _ in range(options.rounds):
            rounds.append({name: seconds_of(work[name]) for name in work})
            print(f"{dtype}: {ratio(rounds[-1], 'cpu'):.2f}", file=sys.stderr)
    return rounds


def ratio(seconds: dict[str, Seconds], clock: str) -> float:
    """The clamp's time over that of the plain continuation."""
    return float(getattr(seconds["clamp"], clock) / getattr(seconds["plain"], clock))


def row(dtype: str, rounds: list[dict[str, Seconds]]) -> list[str]:
    """What a dtype comes to."""
    shown = [
        f"{statistics.median(each[name].wall for each in rounds):.2f}"
        f" ({statistics.median(each[name].cpu for each in rounds):.2f})"
        for name in ("plain", "clamp", "find")
    ]
    ratios = [
        Spread.of(ratio(each, clock) for each in rounds).shown("{:.2f}")
        for clock in ("wall", "cpu")
    ]
    return [dtype, *shown, *ratios]


def main() -> None:
    """Measure, and write a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--sae", required=True)
    parser.add_argument("--feature", type=int)
    parser.add_argument("--prompt", default="The capital of France is")
    parser.add_argument("--dtype", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--generate", type=int, default=24)
    parser.add_argument("--nulls", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=report.RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    measured = {dtype: measure(options, dtype) for dtype in options.dtype}
    header = [
        "dtype", "plain, s (of the processor)", "clamp, s", "find, s",
        "clamp over plain", "of the processor",
    ]  # fmt: skip
    text = f"""# What a clamp costs beside a plain continuation of the same prompts

    {" ".join(["python -m benchmarks.clamp", *sys.argv[1:]])}

{report.machine(options.threads)}, torch {torch.__version__}. Seven prompts, {options.generate} new
tokens each, {options.nulls} nulls; median of {options.rounds} rounds, ratios with lowest and
highest.

{markdown(header, [row(dtype, rounds) for dtype, rounds in measured.items()])}

The plain continuation is one batch of transformers' own `generate`, without an SAE. The clamp
writes the clean and the edited continuation, reads the former under the edit and under each of its
nulls, and checks itself. `find` ablates {ABLATED} features of "{options.prompt}". Seconds are those
of the clock, in brackets those of the processor, of all threads together.
"""
    plain = {
        dtype: [{name: each[name]._asdict() for name in each} for each in rounds]
        for dtype, rounds in measured.items()
    }
    report.write(options.out, "clamp", text, plain)
    print(text)


if __name__ == "__main__":
    main()
