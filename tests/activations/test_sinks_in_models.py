"""Sinks put into models of many architectures are found, in a store and in a stream alike."""

import dataclasses
import functools
from pathlib import Path

import msgspec
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from engine.activations.batches.observed import ObservedDocuments
from engine.activations.batches.reading import StreamPosition
from engine.activations.batches.stored import split_documents
from engine.activations.batches.streamed import StreamedBatches
from engine.activations.capture.documents import capture_documents
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.row_summary import RowCounts, RowKind
from engine.activations.windows import Window, cut_documents
from engine.model.edit import Edit, editing
from engine.model.generate import logits
from engine.model.load import LanguageModel
from engine.model.observe import observe
from engine.model.predictions import surprisal_per_position
from engine.model.site import parse_site
from engine.sae.evaluation.splice import splice
from tests.model.zoo import VOCABULARY, ZOO, zoo_model
from tests.sae.evaluation.plain import PlainSAE

SITE, EARLIER = parse_site("resid_post.1"), parse_site("resid_post.0")
CONTEXT = 9
SINKS, BROKEN = (0, 4), 7
"""Places in a window whose activations are massive, or not finite."""
TEXTS = [" ".join(f"w{3 + (7 * i + j * j) % 90}" for j in range(5 + 4 * i)) for i in range(6)]


@functools.cache
def tokenizer() -> PreTrainedTokenizerFast:
    """A word a token; nothing before a text."""
    words = {"<bos>": 1} | {f"w{i}": i for i in range(VOCABULARY) if i != 1}
    made = Tokenizer(models.WordLevel(words, unk_token="w2"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<bos>")


def language_model(name: str) -> LanguageModel:
    return dataclasses.replace(zoo_model(name), tokenizer=tokenizer())


def inject(*, broken: bool) -> Edit:
    """Makes the tokens at `SINKS` a thousand times as long, and the one at `BROKEN` NaN."""

    def edit(x: Tensor, positions: Tensor) -> Tensor:
        is_sink = torch.isin(positions, torch.tensor(SINKS))
        x = torch.where(is_sink[..., None], 1000 * x, x)
        return torch.where(((positions == BROKEN) & broken)[..., None], torch.nan, x)

    return edit


@pytest.mark.parametrize("name", ZOO)
def test_sinks_and_nan_are_found_and_no_text_is_lost(name: str, tmp_path: Path) -> None:
    lm = language_model(name)
    windows = list(cut_documents(lm, TEXTS, CONTEXT, None))
    expected = dict.fromkeys(RowKind, 0)
    with editing(lm, {SITE: inject(broken=True)}):
        capture_documents(lm, TEXTS, [SITE], [tmp_path / "set"], origin="texts", context=CONTEXT)
        acts = ActivationSet.open(tmp_path / "set", verify=True)
        stream = ObservedDocuments(lm, lambda: TEXTS, [SITE], 0, context=CONTEXT)
        streamed = torch.cat([rows[str(SITE)] for rows in stream.once()])
        own = [observe(lm, window.token_ids[None], [SITE])[SITE][0] for window in windows]
    kinds = [
        RowKind.SINK if p in SINKS else RowKind.NONFINITE if p == BROKEN else RowKind.TEXT
        for window in windows
        for p in range(len(window.token_ids))
    ]
    summary, found = acts.measure_rows()
    assert found.tolist() == kinds
    for kind in kinds:
        expected[kind] += 1
    assert expected[RowKind.SINK] > len(windows)
    assert summary.counts == RowCounts(**{k.name.lower(): n for k, n in expected.items()})
    text = torch.tensor([kind == RowKind.TEXT for kind in kinds])
    train_rows, held_rows = split_documents(acts, 0.0, 0)
    assert train_rows.tolist() == text.nonzero()[:, 0].tolist()
    assert len(held_rows) == 0
    torch.testing.assert_close(acts.rows(train_rows), torch.cat(own)[text], rtol=1e-3, atol=1e-3)
    assert len(streamed) == int(text.sum())
    # passes put windows together by length, so the stream's order is another
    nearest = torch.cdist(streamed.double(), acts.rows(train_rows).double()).min(1).values
    assert nearest.max() < 1e-2 * acts.rows(train_rows).norm(dim=1).median()


@pytest.mark.parametrize("name", ZOO)
def test_in_the_model_a_sink_keeps_its_own_activation(name: str) -> None:
    lm = language_model(name)
    ids = torch.randint(3, VOCABULARY, (2, 12), generator=torch.Generator().manual_seed(0))
    sae = PlainSAE.random(lm.d_model, 30)
    stream = ObservedDocuments(lm, lambda: TEXTS, [SITE], 0, context=CONTEXT)

    def replaced(make: object, kept: tuple[int, ...]) -> Edit:
        def edit(x: Tensor, positions: Tensor) -> Tensor:
            keep = torch.isin(positions, torch.tensor(kept))[..., None]
            return torch.where(keep, x, make(x))  # type: ignore[operator]

        return edit

    def mean_ce(edit: Edit) -> float:
        read = logits(lm, ids, {SITE: edit})[:, 1:-1].flatten(0, 1)
        nats = surprisal_per_position(read, ids[:, 2:].flatten())
        return nats.double().mean().item()

    with editing(lm, {SITE: inject(broken=False)}):
        rules = stream.rules
        windows = [Window(row, begins=None) for row in ids]
        measured = {
            choice: splice(lm, sae, SITE, windows, start_token_ids=[], rules=rules, choice=choice)
            for choice in ("text", "finite")
        }
        for choice, kept in (("text", SINKS), ("finite", ())):
            got = measured[choice]
            assert got.ce_sae == pytest.approx(mean_ce(replaced(sae, kept)), rel=1e-4)
            zero = mean_ce(replaced(torch.zeros_like, kept))
            assert got.ce_zero == pytest.approx(zero, rel=1e-4)


def test_a_stream_goes_on_with_the_rows_and_the_rule_that_it_began_with() -> None:
    lm = language_model("llama")

    def stream() -> StreamedBatches:
        rows = ObservedDocuments(
            lm, lambda: TEXTS, [SITE, EARLIER], 0, context=CONTEXT, pass_tokens=20
        )
        return StreamedBatches(rows, 8, 0, buffer_rows=32)

    with editing(lm, {SITE: inject(broken=True)}):
        undisturbed = stream()
        expected = [next(undisturbed) for _ in range(60)]
        begun = stream()
        for count in (0, 1, 7, 23):
            while begun.state_dict()["drawn"] < 8 * count:
                next(begun)
            again = stream()
            again.load_state_dict(begun.state_dict())
            for batch in expected[count : count + 20]:
                got = next(again)
                assert all(torch.equal(got[name], batch[name]) for name in batch)
        median = float(torch.cat([batch[str(SITE)] for batch in expected]).norm(dim=1).median())
        assert max(float(batch[str(SITE)].norm(dim=1).max()) for batch in expected) < 10 * median
        # the rule is that of the state, even where another would be measured now
        state = again.state_dict()
        rule = state["rows"]["sink_rules"][str(SITE)]
        rule |= {"max_norm": rule["median_norm"]}
        again.load_state_dict(state)
        again.load_state_dict(again.state_dict())
        assert again.state_dict()["rows"]["sink_rules"][str(SITE)] == rule


def test_a_stream_of_an_older_version_goes_on_with_sinks() -> None:
    lm = language_model("llama")

    def stream() -> StreamedBatches:
        rows = ObservedDocuments(
            lm, lambda: TEXTS, [SITE], 0, context=CONTEXT, pass_tokens=20, choice="behind_start"
        )
        return StreamedBatches(rows, 8, 0, buffer_rows=32)

    with editing(lm, {SITE: inject(broken=False)}):
        undisturbed = stream()
        expected = [next(undisturbed)[str(SITE)] for _ in range(40)]
        begun = stream()
        for _ in range(23):
            next(begun)
        # it knew of groups of passes alone, and where their rows begin, and had measured nothing
        state = begun.state_dict()
        assert state.pop("rows") == {}
        first = StreamPosition()
        source = ObservedDocuments(
            lm, lambda: TEXTS, [SITE], 0, context=CONTEXT, pass_tokens=20, choice="behind_start"
        )
        for chunk in source.chunks(0, StreamPosition()):
            if chunk.place.rows > state["begins"]["rows"]:
                break
            first = chunk.place if chunk.place.passes == 0 else first
        state["begins"] = msgspec.to_builtins(first)
        del state["begins"]["passes"]
        again = stream()
        again.load_state_dict(state)
        assert all(torch.equal(next(again)[str(SITE)], batch) for batch in expected[23:])
    longest = max(float(batch.norm(dim=1).max()) for batch in expected)
    assert longest > 100 * float(torch.cat(expected).norm(dim=1).median())


@pytest.mark.parametrize("choice", ["text", "finite", "behind_start"])
def test_a_row_is_taken_that_is_so_at_every_site(choice: str, tmp_path: Path) -> None:
    lm = language_model("qwen3")
    sites = [EARLIER, SITE]
    with editing(lm, {SITE: inject(broken=True)}):
        folders = [tmp_path / "a", tmp_path / "b"]
        capture_documents(lm, TEXTS, sites, folders, origin="texts", context=CONTEXT)
        a, b = map(ActivationSet.open, folders)
        both, _ = split_documents(a, 0.0, 0, targets=b, choice=choice)
        stream = ObservedDocuments(lm, lambda: TEXTS, sites, 0, context=CONTEXT, choice=choice)
        chunk = next(stream.chunks(0, StreamPosition()))
    of_b, _ = split_documents(b, 0.0, 0, choice=choice)
    alone, _ = split_documents(a, 0.0, 0, choice=choice)
    assert both.tolist() == of_b.tolist()
    assert len(alone) == len(a) > len(both)
    assert len(chunk.rows[str(SITE)]) == len(chunk.rows[str(EARLIER)]) == len(both)
