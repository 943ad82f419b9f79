"""Sets captured in one go, drawn from together; and sets that don't belong together."""

import json

import pytest
import torch

from engine.activations.batches.stored import StoredBatches
from engine.activations.capture.documents import capture_documents
from engine.activations.store.activation_set import ActivationSet
from engine.errors import UserError
from engine.model.load import load_model
from engine.model.observe import observe
from engine.model.site import parse_site
from engine.model.text import encode

LENGTHS = [30, 0, 50, 20]
OTHER = {"site": "mlp_out.1", "d_model": 4, "dtype": "bfloat16", "rows_per_shard": 33}
ROW_BYTES = 6 * 4 + 4 * 2


@pytest.fixture
def opened(written):
    def open_set(lengths=LENGTHS, **options):
        return ActivationSet.open(written(lengths, **options).folder)

    return open_set


@pytest.mark.parametrize("window", [1000, 40])
def test_every_site_gives_the_same_rows_as_it_does_alone(opened, window):
    sets = [opened(), opened(**OTHER)]
    rows = torch.arange(5, 100)
    batches = StoredBatches(sets, rows, 32, 3, memory_bytes=window * ROW_BYTES)
    alone = [
        StoredBatches([acts], rows, 32, 3, memory_bytes=window * bytes_a_row)
        for acts, bytes_a_row in zip(sets, [6 * 4, 4 * 2], strict=True)
    ]
    for _ in range(10):
        batch = next(batches)
        assert list(batch) == ["resid_post.1", "mlp_out.1"]
        for together, single in zip(batch.values(), alone, strict=True):
            assert torch.equal(together, next(iter(next(single).values())))


def test_what_was_captured_in_one_go_fits(tiny_llama_path, tmp_path):
    lm = load_model(str(tiny_llama_path), device="cpu")
    sites = [parse_site("resid_pre.0"), parse_site("mlp_out.1")]
    texts = ["One text.", "Two texts, three!"]
    folders = [tmp_path / "in", tmp_path / "out"]
    capture_documents(lm, texts, sites, folders, origin="texts")
    sets = [ActivationSet.open(folder) for folder in folders]

    batch = next(StoredBatches(sets, torch.arange(26), 26, 0))
    seen = [observe(lm, encode(lm, text)[None], sites) for text in texts]
    pairs = torch.cat([torch.cat([one[site][0] for site in sites], dim=1) for one in seen])
    apart = torch.cdist(torch.cat(list(batch.values()), dim=1), pairs)
    assert sorted(apart.argmin(dim=1).tolist()) == list(range(26))
    assert apart.min(dim=1).values.max() < 1e-4


@pytest.mark.parametrize(
    ("lengths", "options", "what"),
    [
        (LENGTHS, {"site": "resid_post.1"}, "same site, resid_post.1"),
        (LENGTHS, {"model": "n"}, "model is m in the one and n in the other"),
        (LENGTHS, {"context": 16}, "context is None in the one and 16 in the other"),
        ([30, 0, 50, 20, 0], {}, "documents is 4 in the one and 5 in the other"),
        ([30, 0, 50, 21], {}, "tokens is 100 in the one and 101 in the other"),
        ([30, 0, 49, 21], {}, "document 2 is not as long"),
        (LENGTHS, {"seed": 1}, r"row \d+ is token \d+ in the one and \d+ in the other"),
    ],
)
def test_sets_that_do_not_match_are_refused_with_what_differs(opened, lengths, options, what):
    sets = [opened(), opened(lengths, **(OTHER | options))]
    with pytest.raises(UserError, match=what):
        StoredBatches(sets, torch.arange(10), 4, 0)


def test_the_first_row_that_differs_is_named(opened, written):
    one, other = written(LENGTHS), written(LENGTHS, seed=1)
    first = int((one.token_ids != other.token_ids).nonzero()[0])
    sets = [ActivationSet.open(one.folder), opened(**(OTHER | {"seed": 1}))]
    with pytest.raises(UserError, match=f"row {first} is token {one.token_ids[first]} in the one"):
        StoredBatches(sets, torch.arange(10), 4, 0)


def test_a_position_is_resumed_with_the_same_sites_only(opened):
    sets = [opened(), opened(**OTHER)]
    rows = torch.arange(100)
    batches = StoredBatches(sets, rows, 7, 0, memory_bytes=40 * ROW_BYTES)
    for _ in range(9):
        next(batches)
    state = json.loads(json.dumps(batches.state_dict()))
    resumed = StoredBatches(sets, rows, 7, 0, memory_bytes=40 * ROW_BYTES)
    resumed.load_state_dict(state)
    for _ in range(9):
        expected = next(batches)
        assert all(torch.equal(part, expected[name]) for name, part in next(resumed).items())
    with pytest.raises(UserError, match="sites"):
        StoredBatches(sets[:1], rows, 7, 0, memory_bytes=40 * 24).load_state_dict(state)


def test_a_sample_is_of_rows_of_the_stream_at_every_site(opened):
    sets = [opened(), opened(**OTHER)]
    rows = torch.arange(0, 100, 2)
    batches = StoredBatches(sets, rows, 7, 0)
    sample = batches.sample(20)
    of_set = [acts.rows(rows).tolist() for acts in sets]
    chosen = [of_set[0].index(row.tolist()) for row in sample["resid_post.1"]]
    assert len(set(chosen)) == 20
    assert sample["mlp_out.1"].tolist() == [of_set[1][i] for i in chosen]
    assert len(batches.sample(1000)["mlp_out.1"]) == 50
