"""How far sinks stand from other activations, site by site: what the threshold is chosen by.

    python -m benchmarks.sinks MODEL TEXT… [--kind resid_post] [--documents 24] [--tokens 256]

Of each site: the median norm of text; the norms of the tokens that texts begin with, and the
longest of all others, in medians; how many of all tokens are longer than 5, 10 and 20 medians.
Tokens that no text is made of, such as BOS, are left out: a text behind BOS begins with none.
"""

import argparse
import itertools
from pathlib import Path

import torch

from engine.activations.corpus import read_documents
from engine.activations.store.norms import row_norms
from engine.activations.store.row_kinds import measure_rule
from engine.model.load import load_model
from engine.model.observe import observe
from engine.model.site import KINDS, Site
from engine.model.text import encode, is_text

MULTIPLES = (5, 10, 20)


@torch.no_grad()
def main() -> None:
    """Measure, and print a line a site."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("model")
    arguments.add_argument("texts", nargs="+", type=Path)
    arguments.add_argument("--kind", choices=KINDS, default="resid_post")
    arguments.add_argument("--documents", type=int, default=24)
    arguments.add_argument("--tokens", type=int, default=256)
    given = arguments.parse_args()
    lm = load_model(given.model, dtype="float32")
    sites = [Site(kind=given.kind, layer=layer) for layer in range(lm.n_layers)]
    norms: dict[Site, list[torch.Tensor]] = {site: [] for site in sites}
    first: list[torch.Tensor] = []
    for text in itertools.islice(read_documents(given.texts), given.documents):
        ids = encode(lm, text)[: given.tokens]
        of_text = is_text(lm, ids)
        first.append((torch.arange(len(ids)) == 0)[of_text])
        for site, acts in observe(lm, ids[None], sites).items():
            norms[site].append(row_norms(acts[0]).cpu()[of_text])
    is_first = torch.cat(first)
    print(f"{len(is_first):,} tokens of text, of which {int(is_first.sum())} begin one")
    over = "".join(f"{f'> {multiple}':>7}" for multiple in MULTIPLES)
    print(f"{'site':16}{'median':>9}{'first tokens':>18}{'longest other':>15}{over}")
    for site in sites:
        of_site = torch.cat(norms[site])
        rule = measure_rule(lambda of_site=of_site: [of_site.numpy()])
        if rule is None:
            continue
        ratios = of_site / rule.median_norm
        begin, other = ratios[is_first], ratios[~is_first]
        between = f"{begin.min():.2f} to {begin.max():.2f}" if len(begin) else "–"
        counts = "".join(f"{int((ratios > multiple).sum()):7}" for multiple in MULTIPLES)
        print(f"{site!s:16}{rule.median_norm:9.2f}{between:>18}{other.max():15.2f}{counts}")


if __name__ == "__main__":
    main()
