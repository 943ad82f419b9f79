"""Whether p of a clamp is what it says: uniform where there is nothing to be found.

    python -m benchmarks.calibration --workspace W --sae S [--features 200] [--nulls 19]

`matched`: random live features, each beside others that are alike; `directions`: random directions
of each one's length, beside others drawn the same way. What is edited is then one of its own null,
so p should be uniform on 1/(n + 1), 2/(n + 1), …, 1: at most 5 % of features have p ≤ 0.05. By KL
and by the log p of ten tokens that another feature promotes, over the seven prompts of the study,
with the clean model's continuations. Of a feature's own ten tokens p should be small: that is the
power of the test, and stands below.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from scipy.stats import binomtest, kstest
from torch import Tensor

from benchmarks.training import report
from benchmarks.training.table import markdown
from engine.demo.prompts import SEED_PROMPTS
from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.delta import ResolvedEdit, resolve_edits
from engine.interventions.measure_notation import parse_measure
from engine.interventions.meters import make_meters
from engine.interventions.nulls import (
    compare_with_null,
    direction_edits,
    matched_features,
    null_edits,
)
from engine.interventions.prompt_run import ModelWithSAE, PromptRun
from engine.interventions.row_effects import measure_rows
from engine.interventions.spec import FeatureEdit
from engine.model.text import vocabulary
from engine.progress import SILENT
from engine.service.session import Session
from engine.workspace.folders import Workspace

MEASURES = ("kl", "another feature's tokens", "its own tokens")
KINDS = ("matched", "directions")


def rows_of(
    kind: str, feature: int, subject: ModelWithSAE, catalogue: Catalogue, nulls: int
) -> list[list[ResolvedEdit]]:
    """What is tested, and its nulls; empty where too few are like the feature."""
    edit = FeatureEdit(feature=feature, value=1.0, unit="max")
    own = resolve_edits([edit], catalogue.maxima([feature]))
    if kind == "directions":
        return direction_edits(own, subject.sae.W_dec, nulls + 1, seed=feature)
    alike = matched_features(catalogue.columns, [feature], nulls, seed=feature)
    rows = [own, *(null_edits([edit], each, catalogue.columns) for each in alike)]
    return rows if len(rows) == nulls + 1 else []


@torch.no_grad()
def measure(
    subject: ModelWithSAE, catalogue: Catalogue, features: list[int], nulls: int
) -> dict[tuple[str, str], list[float]]:
    """p of each feature, by kind of null and measure."""
    prompts = [prompt for prompt, _ in SEED_PROMPTS]
    runs = subject.read_prompts(prompts, generate=24)
    found: dict[tuple[str, str], list[float]] = {}
    texts = vocabulary(subject.lm)
    for kind in KINDS:
        for feature in features:
            rows = rows_of(kind, feature, subject, catalogue, nulls)
            if not rows:
                continue
            tokens = [parse_measure("promoted:10")]
            another = features[features.index(feature) - 1]
            meters = make_meters(tokens, subject, catalogue, another, texts)
            if kind == "matched":  # what is edited is the feature itself
                meters += make_meters(tokens, subject, catalogue, feature, texts)[1:]
            values = sum(
                measure_rows(run, rows, meters, _all_tokens(run), lambda *_: None)[1]
                for run in runs
            )
            for name, (own, *others) in zip(MEASURES, np.asarray(values).tolist(), strict=False):
                null = compare_with_null(own, others)
                assert null is not None
                found.setdefault((kind, name), []).append(null.p)
    return found


def _all_tokens(run: PromptRun) -> Tensor:
    return torch.ones(len(run.token_ids), dtype=torch.bool)


def page(found: dict[tuple[str, str], list[float]], options: argparse.Namespace) -> str:
    """How uniform they are."""
    rows = []
    for (kind, name), p in found.items():
        small = int((np.array(p) <= 0.05).sum())
        interval = binomtest(small, len(p)).proportion_ci(method="wilson")
        # p has steps of 1 / (n + 1): spread evenly over each step it is continuous
        spread = np.array(p) - np.random.default_rng(0).random(len(p)) / (options.nulls + 1)
        rows.append(
            [
                kind,
                name,
                str(len(p)),
                f"{small / len(p):.1%} [{interval.low:.1%}–{interval.high:.1%}]",
                f"{kstest(spread, 'uniform').pvalue:.2f}",
            ]
        )
    return "\n".join(
        [
            "# Is p what it says?",
            "",
            f"`python -m benchmarks.calibration --workspace W --sae {options.sae} --features "
            f"{options.features} --nulls {options.nulls}`: of edits that are each one of their own "
            "null, how many have p ≤ 0.05 (5 % is right; in brackets the 95 % interval by Wilson), "
            "and p of a Kolmogorov–Smirnov test against the uniform distribution. By its own "
            "tokens a feature should differ from others: that row is the power of the test.",
            "",
            markdown(["null", "measure", "edits", "p ≤ 0.05", "KS"], rows),
            "",
        ]
    )


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--sae", required=True, help="one that is scanned")
    parser.add_argument("--features", type=int, default=200)
    parser.add_argument("--nulls", type=int, default=19)
    parser.add_argument("--out", type=Path, default=report.RESULTS, help="folder for the results")
    options = parser.parse_args()
    workspace = Workspace(options.workspace)
    catalogue = Catalogue.open(workspace.existing_catalogue(options.sae))
    subject = Session(workspace, SILENT).subject(options.sae, "cpu")
    live = np.flatnonzero(catalogue.columns["density"] > 0)
    chosen = np.random.default_rng(0).permutation(live)[: options.features].tolist()
    found = measure(subject, catalogue, chosen, options.nulls)
    text = page(found, options)
    figures = {f"{kind} {name}": p for (kind, name), p in found.items()}
    report.write(options.out, f"calibration-{options.sae}", text, figures)
    print(text)


if __name__ == "__main__":
    main()
