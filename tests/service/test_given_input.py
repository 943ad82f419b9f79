"""An SAE of SAELens, evaluated, scanned and tried in a model as its files say that it is."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.activations.store.activation_set import ActivationSet
from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.spec import ClampRequest, FeatureEdit
from engine.jobs.kinds import Capture, Evaluate, ImportSAE, Scan
from engine.jobs.run import run
from engine.model.load import load_model
from engine.model.text import encode
from engine.progress import SILENT
from engine.sae.formats.libraries import library
from engine.sae.formats.metadata import SAEMetadata
from engine.service import protocol as p
from engine.service.session import Session
from engine.service.worker_handlers.registry import answer
from engine.workspace.folders import Workspace
from tests.noting import Noting
from tests.sae.formats.made import made as made_sae

SITE, CONTEXT, WIDTH = "resid_post.1", 16, 32
TEXTS = [f"Dog {i} ran off to the park and came back." for i in range(12)]


class Made:
    """A workspace with a captured text."""

    def __init__(self, root: Path, model: Path) -> None:
        self.root = root
        self.model = str(model)
        self.workspace = Workspace.open(root / "ws")
        (root / "text.txt").write_text("\n\n".join(TEXTS))

    def capture(self, name: str, **changes: Any) -> ActivationSet:
        spec = Capture(
            name=name,
            model=self.model,
            sites=[SITE],
            texts=[str(self.root / "text.txt")],
            context=CONTEXT,
            **changes,
        )
        run(spec, self.workspace, SILENT)
        return ActivationSet.open(self.workspace.activations(name))

    def sae(self, name: str, **fields: Any) -> None:
        """Import an SAE as SAELens saves one, whose files say these fields."""
        folder = self.root / f"lens-{name}"
        folder.mkdir()
        about = SAEMetadata(model=self.model, site=SITE, context=CONTEXT)
        library("sae_lens").write(made_sae("relu", d_in=WIDTH), folder, about)
        path = folder / "cfg.json"
        cfg = json.loads(path.read_text())
        cfg["metadata"] |= fields
        path.write_text(json.dumps(cfg))
        run(ImportSAE(name=name, source=str(folder)), self.workspace, SILENT)


@pytest.fixture(scope="module")
def made(tiny_llama_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    torch.set_num_threads(1)
    made = Made(tmp_path_factory.mktemp("given"), tiny_llama_path)
    made.capture("acts")
    return made


def positions(acts: ActivationSet) -> np.ndarray:
    """The place of every row in what the model read at once."""
    bounds = acts.document_bounds.tolist()
    return np.concatenate(
        [np.arange(last - first) % CONTEXT for first, last in itertools.pairwise(bounds)]
    )


def test_bos_stands_before_texts_where_a_capture_asks_for_it(made: Made) -> None:
    lm = load_model(made.model, device="cpu")
    bos = lm.tokenizer.bos_token_id
    assert lm.prefix_ids == []
    with_bos = lm.reading(prepend_bos=True)
    assert encode(with_bos, "Hi").tolist() == [bos, *encode(lm, "Hi").tolist()]
    assert with_bos.reading(prepend_bos=False).prefix_ids == []
    acts = made.capture("with-bos", bos="always")
    assert acts.manifest.prefix_token_ids == [bos]
    firsts = [acts.document(i)[0][0] for i in range(len(TEXTS))]
    assert [int(first) for first in firsts] == [bos] * len(TEXTS)


def test_a_store_without_the_bos_that_it_was_trained_with_is_said(made: Made) -> None:
    made.sae("wants", prepend_bos=True)
    for spec in (Evaluate(sae="wants", activations="acts"), Scan(sae="wants", activations="acts")):
        notes = Noting()
        run(spec, made.workspace, notes)
        assert notes.has(
            "acts holds text without it: its figures may be off. Capture the text with"
        )
    notes = Noting()
    made.capture("fits", bos="always")
    run(Evaluate(sae="wants", activations="fits"), made.workspace, notes)
    assert not notes.has("may be off")


def test_figures_are_of_the_positions_and_tokens_that_it_applies_to(made: Made) -> None:
    acts = ActivationSet.open(made.workspace.activations("acts"))
    ids = torch.cat([shard.token_ids for shard in acts.shards()]).numpy()
    often = int(np.bincount(ids).argmax())
    made.sae("sliced", seqpos_slice=[2, 10], exclude_special_tokens=[often])
    place = positions(acts)
    given = (place >= 2) & (place < 10) & (ids != often)
    counted = given & acts.measure_rows().taken("text")
    notes = Noting()
    result = run(Evaluate(sae="sliced", activations="acts"), made.workspace, notes)
    assert result.vectors == counted.sum()
    assert notes.has(f"{(~given).sum():,} of {len(given):,} tokens are left out")
    run(Scan(sae="sliced", activations="acts"), made.workspace, SILENT)
    catalogue = Catalogue.open(made.workspace.catalogue("sliced"))
    assert catalogue.manifest.tokens == counted.sum()
    documents, places = catalogue.example_places()
    at = acts.document_bounds.numpy()[documents] + places
    assert given[at[documents >= 0]].all()


@pytest.mark.parametrize(("wants", "first"), [(True, "<bos>"), (False, "A"), (None, "A")])
def test_a_clamp_gives_the_model_what_the_sae_was_trained_with(made: Made, wants, first) -> None:
    name = f"bos-{wants}"
    made.sae(name, prepend_bos=wants)
    run(Scan(sae=name, activations="acts"), made.workspace, SILENT)
    session = Session(made.workspace, SILENT)
    request = ClampRequest(
        sae=name,
        edits=[FeatureEdit(feature=1, value=5.0)],
        prompts=["A dog ran"],
        nulls=0,
        generate=2,
    )
    report = answer(p.Clamp(request=request, device="cpu"), session)
    assert isinstance(report, p.ModelReport)
    assert report.prompts[0].tokens[0] == first
    # and the next question reads as this one did, without loading anything
    subject = session.subject(name, "cpu")
    assert session.subject(name, "cpu").lm is subject.lm


def test_a_clamp_touches_the_positions_that_it_applies_to(made: Made) -> None:
    made.sae("middle", seqpos_slice=[1, 5])
    run(Scan(sae="middle", activations="acts"), made.workspace, SILENT)
    session = Session(made.workspace, SILENT)
    request = ClampRequest(
        sae="middle",
        edits=[FeatureEdit(feature=1, value=5.0)],
        prompts=["A dog ran"],
        nulls=0,
        generate=4,
    )
    report = answer(p.Clamp(request=request, device="cpu"), session)
    assert report.prompts[0].edited_tokens == 4
    found = answer(p.FindFiring(sae="middle", prompt="A dog ran", device="cpu"), session)
    assert found.special == []
    for feature in found.features:
        assert not any(feature.activations[0:1] + feature.activations[5:])


def test_a_search_tells_which_tokens_are_special(made: Made) -> None:
    made.sae("with", prepend_bos=True)
    session = Session(made.workspace, SILENT)
    found = answer(p.FindFiring(sae="with", prompt="A dog<eos> ran", device="cpu"), session)
    assert [found.tokens[place] for place in found.special] == ["<bos>", "<eos>"]
