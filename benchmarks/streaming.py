"""What training from a model's stream costs beside the model itself, and how well it mixes.

    python benchmarks/streaming.py MODEL DOCUMENTS [SITE …]

MODEL is a folder or a hub id, DOCUMENTS a file or folder as `brainsurg capture --text` takes it,
SITE by default the residual stream that leaves the middle layer. Printed are tokens per second:

    bare        the model's forward passes up to the site, on windows tokenised beforehand
    stream      batches drawn from the stream, one after the other
    ahead       the same, made by the prefetching thread

in rounds that take turns, the median of all rounds with the slowest and fastest; and how many
different documents there are in a batch.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch

from engine.activations.batches.observed import Chunk, ObservedDocuments
from engine.activations.batches.prefetch import Prefetched
from engine.activations.batches.reading import StreamPosition
from engine.activations.batches.source import Batches
from engine.activations.batches.streamed import BUFFER_ROWS, StreamedBatches
from engine.activations.batches.turnover import RowLayout
from engine.activations.corpus import read_documents
from engine.activations.windows import (
    PASS_TOKENS,
    POOLED_PASSES,
    checked_context,
    cut_documents,
    padded,
    passes,
    pools,
)
from engine.model.load import LanguageModel, load_model
from engine.model.observe import observe
from engine.model.site import Site, parse_site
from engine.model.text import encode

ROUNDS = 9
ROUND_TOKENS = 2 * POOLED_PASSES * PASS_TOKENS
BATCH = 4096


def bare_passes(lm: LanguageModel, texts: list[str], sites: list[Site]) -> Iterator[int]:
    """Run endless forward passes up to the sites; gives the tokens of each, padding left out."""
    windows = cut_documents(lm, texts, checked_context(lm, None), ROUND_TOKENS)
    inputs = [
        padded([pool[i] for i in together])
        for pool in pools(windows, POOLED_PASSES * PASS_TOKENS)
        for together in passes(pool, PASS_TOKENS)
    ]
    for ids, mask in itertools.cycle(inputs):
        observe(lm, ids, sites)
        yield int(mask.sum())


def drawn(batches: Batches) -> Iterator[int]:
    """Draw endless batches; gives the rows of each."""
    for batch in batches:
        yield len(next(iter(batch.values())))


def tokens_per_second(work: Iterator[int], synchronise: Callable[[], None]) -> float:
    """The pace of one round."""
    began, done = time.perf_counter(), 0
    while done < ROUND_TOKENS:
        done += next(work)
    synchronise()
    return done / (time.perf_counter() - began)


class DocumentNumbers:
    """A stream of rows that hold the number of their document, of documents of given lengths."""

    kinds = {"document": RowLayout(1, torch.int64)}  # noqa: RUF012

    def __init__(self, lengths: list[int]) -> None:
        self._lengths = lengths

    def identity(self) -> dict[str, object]:
        """Nothing is resumed here."""
        return {}

    def state_dict(self) -> dict[str, object]:
        """Nothing is measured."""
        return {}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Nothing is resumed here."""

    def chunks(self, first: int, place: StreamPosition) -> Iterator[Chunk]:
        """A document a chunk, new ones without end."""
        for number, length in enumerate(itertools.cycle(self._lengths)):
            yield Chunk(place, {"document": torch.full((length, 1), number)})


def documents_in_a_batch(lengths: list[int], buffer_rows: int) -> float:
    """How many different ones there are, on average of 100 batches."""
    batches = StreamedBatches(DocumentNumbers(lengths), BATCH, 0, buffer_rows=buffer_rows)
    skipped = 2 * buffer_rows // BATCH
    counts = [len(set(next(batches)["document"][:, 0].tolist())) for _ in range(skipped + 100)]
    return statistics.mean(counts[skipped:])


def main() -> None:
    arguments = argparse.ArgumentParser(description="See the text at the top of this file.")
    arguments.add_argument("model")
    arguments.add_argument("documents", type=Path)
    arguments.add_argument("sites", nargs="*")
    given = arguments.parse_args()
    lm = load_model(given.model)
    sites = [parse_site(site) for site in given.sites] or [Site("resid_post", lm.n_layers // 2)]
    texts = list(read_documents([given.documents]))

    def stream() -> StreamedBatches:
        rows = ObservedDocuments(lm, lambda: texts, sites, 0)
        batches = StreamedBatches(rows, BATCH, 0, buffer_rows=BUFFER_ROWS // 4)
        batches.prepare()
        return batches

    def synchronise() -> None:
        if lm.device.type == "cuda":
            torch.cuda.synchronize(lm.device)

    paces: dict[str, list[float]] = {"bare": [], "stream": [], "ahead": []}
    with Prefetched(stream(), lm.device) as ahead:
        work = {
            "bare": bare_passes(lm, texts, sites),
            "stream": drawn(stream()),
            "ahead": drawn(ahead),
        }
        for _ in range(ROUNDS):
            for name, pace in paces.items():
                pace.append(tokens_per_second(work[name], synchronise))
                ahead.rest()
    print(f"{given.model} at {', '.join(map(str, sites))}, {torch.get_num_threads()} threads")
    for name, pace in paces.items():
        middle = statistics.median(pace)
        share = middle / statistics.median(paces["bare"])
        print(
            f"{name:8} {middle:10,.0f} tokens/s ({min(pace):,.0f} to {max(pace):,.0f}), "
            f"{share:.0%} of bare"
        )
    lengths = [len(encode(lm, text)) for text in texts]
    mean = statistics.mean(lengths)
    print(f"documents of {mean:.0f} tokens in a batch of {BATCH:,}:")
    for buffer_rows in (BUFFER_ROWS // 4, BUFFER_ROWS, 4 * BUFFER_ROWS):
        found = documents_in_a_batch(lengths, buffer_rows)
        among = 2 * buffer_rows / mean
        evenly = among * (1 - (1 - 1 / among) ** BATCH)
        print(f"{found:8,.0f} from a buffer of {buffer_rows:,} rows; {evenly:,.0f} if ", end="")
        print(f"rows were drawn evenly from the {among:,.0f} documents of two blocks")


if __name__ == "__main__":
    main()
