"""One feature, and a pattern, as a user asks for them: real processes on a real model.

What is shown is held against every activation of the set, encoded anew by hand.
"""

import json
import re
from typing import Any

import numpy as np
import pytest

from engine.activations.store.tokens import TokenTable
from engine.features.catalogue.catalogue import Catalogue
from tests.service.runner import Runner

TEXTS = [
    "The dog ran to the dog house and the dog slept.",
    "A cat sat on the mat. The cat saw a dog.",
    "Once upon a time there was a little girl who had a red ball.",
    "The red ball rolled to the big dog and the girl laughed.",
    "Tom and his mom went to the park to play with the ball.",
]
WIDTH = 128


class World:
    """The dense activations [tokens, features] of a scanned set, and its texts."""

    def __init__(self, brainsurg: Runner) -> None:
        self.brainsurg = brainsurg
        codes = Catalogue.open(brainsurg.workspace / "catalogues" / "sae").codes
        assert codes is not None
        self.table = TokenTable.open(brainsurg.workspace / "activations" / "texts")
        assert codes.tokens == len(self.table)
        self.acts = np.zeros((codes.tokens, WIDTH), np.float32)
        for row in range(codes.tokens):
            entries = slice(codes.offsets[row], codes.offsets[row + 1])
            self.acts[row, codes.features[entries]] = codes.values[entries]
        self.starts = self.table.document_bounds
        bos = self.table.manifest.bos_token_id
        ids = self.table.token_ids(0, len(self.table)).tolist()
        self.tokens = ["" if id == bos else self.table.text(id) for id in ids]

    def row(self, snippet: dict[str, Any]) -> int:
        return int(self.starts[snippet["document"]]) + snippet["position"]

    def check(self, snippet: dict[str, Any], feature: int) -> None:
        """A snippet says of every token what the dense activations say."""
        first = self.row(snippet) - snippet["peak"]
        here = slice(first, first + len(snippet["tokens"]))
        assert snippet["known"] is None
        assert snippet["activations"] == pytest.approx(self.acts[here, feature].tolist())


@pytest.fixture(scope="module")
def world(brainsurg: Runner, tmp_path_factory: pytest.TempPathFactory) -> World:
    texts = tmp_path_factory.mktemp("exploring") / "texts.json"
    texts.write_text(json.dumps(TEXTS))
    place = ("--model", "demo", "--site", "resid_post.1")
    brainsurg.json("capture", "texts", *place, "--text", texts)
    options = ("--arch", "topk", "--width", WIDTH, "--k", 8, "--tokens", 4000)
    brainsurg.json("train", "sae", "--activations", "texts", *options)
    brainsurg.json("scan", "sae")
    return World(brainsurg)


@pytest.fixture(scope="module")
def busiest(world: World) -> int:
    """The feature that is active on most tokens."""
    return int((world.acts > 0).sum(0).argmax())


def test_a_feature_is_told_whole(world: World, busiest: int) -> None:
    world.brainsurg.json("label", "sae", busiest, "busy")
    found = world.brainsurg.json("feature", "sae", busiest, "--top", 3)
    acts = world.acts[:, busiest]
    active = acts[acts > 0]
    assert (found["id"], found["label"], found["kind"]) == (busiest, "busy", "top")
    assert found["count"] == len(active) == sum(found["histogram"]["counts"])
    assert found["max"] == pytest.approx(active.max())
    assert found["mean"] == pytest.approx(active.mean(), rel=1e-5)
    assert found["std"] == pytest.approx(active.std(), rel=1e-4)
    edges = found["histogram"]["edges"]
    assert np.histogram(active, edges)[0].tolist() == found["histogram"]["counts"]
    assert found["promoted"]
    assert found["suppressed"]
    assert len(found["snippets"]) == 3
    for snippet in found["snippets"]:
        world.check(snippet, busiest)
    assert found["coactive_tokens"] == len(active)
    both = ((acts > 0)[:, None] & (world.acts > 0)).sum(0)
    either = ((acts > 0)[:, None] | (world.acts > 0)).sum(0)
    for relative in found["coactive"]:
        assert relative["likeness"] == pytest.approx(both[relative["id"]] / either[relative["id"]])
    jaccard = np.delete(both / np.maximum(either, 1), busiest)
    assert found["coactive"][0]["likeness"] == pytest.approx(jaccard.max())

    shown = world.brainsurg("feature", "sae", busiest).stdout
    assert f"feature {busiest}  busy" in shown
    assert f"active on {len(active)} tokens" in shown
    assert "█" in shown
    assert "promotes" in shown
    assert "Jaccard" in shown
    assert "strongest examples" in shown


def test_other_examples_of_it(world: World, busiest: int) -> None:
    acts = world.acts[:, busiest]
    wide = world.brainsurg.json("feature", "sae", busiest, "--radius", 40)["snippets"]
    for snippet in wide:
        world.check(snippet, busiest)
        document = slice(*world.starts[snippet["document"] :][:2])
        assert len(snippet["tokens"]) == min(document.stop, world.row(snippet) + 41) - max(
            document.start, world.row(snippet) - 40
        )
    bands = [
        world.brainsurg.json("feature", "sae", busiest, "--band", band)["snippets"]
        for band in (0, 9)
    ]
    for snippet in (snippet for band in bands for snippet in band):
        world.check(snippet, busiest)
    weak, strong = ([s["activations"][s["peak"]] for s in band] for band in bands)
    assert max(weak) <= np.quantile(acts[acts > 0], 0.4)
    assert min(strong) >= np.quantile(acts[acts > 0], 0.6)
    silent = world.brainsurg.json("feature", "sae", busiest, "--silent")
    assert silent["kind"] == "silent"
    peaks = {world.tokens[world.row(snippet)] for snippet in wide}
    for snippet in silent["snippets"]:
        world.check(snippet, busiest)
        assert acts[world.row(snippet)] == 0
        assert world.tokens[world.row(snippet)] in peaks


def test_a_pattern_finds_its_features(world: World) -> None:
    report = world.brainsurg.json("grep", "sae", "dog|ball", "--top", 5)
    matches = []
    for start, end in zip(world.starts[:-1], world.starts[1:], strict=True):
        tokens = world.tokens[start:end]
        owner = [start + i for i, token in enumerate(tokens) for _ in token]
        for match in re.finditer("dog|ball", "".join(tokens)):
            matches.append(range(owner[match.start()], owner[match.end() - 1] + 1))
    rows = sorted({row for match in matches for row in match})
    assert report["matches"] == len(matches) == 8
    assert report["matched_tokens"] == len(rows)
    assert report["tokens"] == sum(token != "" for token in world.tokens)
    assert report["documents"] == report["total_documents"] == len(TEXTS)
    active = world.acts > 0
    precision = active[rows].sum(0) / np.maximum(1, active.sum(0))
    recall = np.mean([active[list(match)].any(0) for match in matches], axis=0)
    f1 = 2 * precision * recall / np.maximum(1e-9, precision + recall)
    order = np.argsort(-f1, kind="stable")[:5].tolist()
    assert [score["id"] for score in report["features"]] == order
    for score in report["features"]:
        assert score["precision"] == pytest.approx(precision[score["id"]])
        assert score["recall"] == pytest.approx(recall[score["id"]])
        assert score["f1"] == pytest.approx(f1[score["id"]])
        assert score["active"] == active[:, score["id"]].sum()

    best = order[0]
    world.brainsurg.json("label", "sae", best, "a dog")
    one = world.brainsurg.json("grep", "sae", "DOG|BALL", "--ignore-case", "--feature", best)
    assert one["features"] == [report["features"][0] | {"label": "a dog"}]
    assert len(one["hits"]) + len(one["misses"]) == 8
    assert {world.row(snippet) in rows for snippet in one["hits"] + one["misses"]} == {True}
    alarms = np.setdiff1d(np.flatnonzero(active[:, best]), rows)
    assert {world.row(snippet) for snippet in one["false_alarms"]} <= set(alarms.tolist())
    assert len(one["false_alarms"]) == min(20, len(alarms))

    shown = world.brainsurg("grep", "sae", "dog|ball", "--feature", best).stdout
    assert "8 matches" in shown
    assert "matches in which it is active" in shown
    assert "a dog" in shown


def test_mistakes_are_one_sentence(world: World) -> None:
    fails = world.brainsurg.fails
    assert "no feature 128. The features of sae are 0 to 127" in fails("feature", "sae", WIDTH)
    assert "no feature 500" in fails("grep", "sae", "dog", "--feature", 500)
    assert "can't be read at column 4" in fails("grep", "sae", "dog)")
    assert "either --band or --silent" in fails(
        *("feature", "sae", 1, "--band", 1, "--silent"), status=2
    )
    fails("feature", "sae", 1, "--band", 10, status=2)
    nothing = world.brainsurg.json("grep", "sae", "zebra")
    assert (nothing["matches"], nothing["features"]) == (0, [])


def test_a_feature_outlives_the_texts_of_its_set(world: World, busiest: int) -> None:
    texts = world.brainsurg.workspace / "activations" / "texts"
    aside = texts.rename(texts.with_name(".texts"))
    try:
        found = world.brainsurg.json("feature", "sae", busiest)
        assert found["count"] == (world.acts[:, busiest] > 0).sum()
        assert found["snippets"] == []
        assert "'texts' that was scanned is deleted" in found["textless"]
        assert "is deleted" in world.brainsurg("feature", "sae", busiest).stdout
        assert "'texts' that was scanned is deleted" in world.brainsurg.fails("grep", "sae", "dog")
    finally:
        aside.rename(texts)


def test_an_older_scan_is_to_be_made_again(world: World) -> None:
    path = world.brainsurg.workspace / "catalogues" / "sae" / "catalogue.json"
    whole = path.read_text()
    world.brainsurg("engine", "stop")  # it may have the catalogue open
    try:
        path.write_text(json.dumps(json.loads(whole) | {"format_version": 1}))
        assert "format 1" in world.brainsurg.fails("feature", "sae", 1)
        assert "Scan the SAE again" in world.brainsurg.fails("grep", "sae", "dog")
    finally:
        path.write_text(whole)
