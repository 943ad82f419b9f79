"""The reports of clamps that a workspace keeps."""

import math
from pathlib import Path

import msgspec
import pytest

from engine.errors import UserError
from engine.interventions.spec import ClampRequest, FeatureEdit, ReconstructionReport
from engine.service import protocol as p
from engine.workspace import clamps
from engine.workspace.clamps import ClampStore
from engine.workspace.folders import Workspace

REQUEST = ClampRequest(
    sae="s", edits=[FeatureEdit(feature=7, value=2.0, unit="max")], prompts=["Hello", "you"]
)


def report(kl: float = 0.5) -> p.ModelReport:
    shift = {"mean_abs_diff": 0.1, "max_abs_diff": 1.0, "top_dims": [], "dimensions": []}
    return p.ModelReport(
        feature=7,
        operation="clamp",
        edits=REQUEST.edits,
        maxima=[3.0],
        corpus="texts",
        warnings=[],
        reproduce="brainsurg clamp s",
        site="resid_post.1",
        prompts=[
            p.EditedPrompt(
                prompt=prompt, tokens=["x"], prompt_tokens=1, edited_tokens=1, kl=share * kl,
                kl_per_position=[share * kl], delta_ce=None, relative_norm=0.2, next_token=[],
                baseline_text="a", edited_text="b", divergence=0, null=None, **shift,
            )
            for prompt, share in zip(REQUEST.prompts, (0.5, 1.5), strict=True)
        ],
        null_features=[],
        checks=p.Checks(
            no_op=True, hf_identical=True, error_kept=True, error_kept_deviation=0, bos_masked=None
        ),
    )  # fmt: skip


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    assert ClampStore(workspace.clamps).all().clamps == []
    first = ClampStore(workspace.clamps).save(REQUEST, report())
    second = ClampStore(workspace.clamps).save(REQUEST, report(math.inf))
    store = ClampStore(workspace.clamps)
    newest, oldest = store.all().clamps
    assert (oldest.id, newest.id) == (first, second)
    assert (oldest.sae, oldest.edits, oldest.prompts) == ("s", "7 = 2× max", 2)
    assert oldest.kl == pytest.approx(0.5)
    assert newest.kl is None
    assert store.get(first).report == report()
    assert store.get(second).report.prompts[0].kl == math.inf
    assert store.get(first).request == REQUEST
    store.delete(first)
    assert [kept.id for kept in store.all().clamps] == [second]
    with pytest.raises(UserError, match="no clamp 1"):
        store.get(first)
    with pytest.raises(UserError, match="no clamp 1"):
        store.delete(first)


def test_both_views_are_kept(tmp_path: Path) -> None:
    decoded = ReconstructionReport(
        feature=7, operation="clamp", edits=REQUEST.edits, maxima=[3.0], corpus="", prompts=[],
        warnings=[], reproduce="",
    )  # fmt: skip
    store = ClampStore(tmp_path)
    id = store.save(msgspec.structs.replace(REQUEST, view="reconstruction"), decoded)
    (kept,) = store.all().clamps
    assert (kept.view, kept.kl) == ("reconstruction", None)
    assert store.get(id).report == decoded


def test_the_oldest_make_room_by_number_and_by_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ClampStore(tmp_path)
    monkeypatch.setattr(clamps, "MOST", 3)
    ids = [store.save(REQUEST, report()) for _ in range(5)]
    assert [kept.id for kept in store.all().clamps] == ids[:1:-1]
    monkeypatch.setattr(clamps, "MOST_BYTES", 2 * store.all().clamps[0].bytes)
    last = store.save(REQUEST, report())
    assert [kept.id for kept in store.all().clamps] == [last, ids[-1]]
    monkeypatch.setattr(clamps, "LARGEST", 100)
    with pytest.raises(UserError, match="at most 100"):
        store.save(REQUEST, report())


@pytest.mark.parametrize("damage", [b"", b"\xc1", b"\x81\xa1\xff\x01", b"\x93" * 50_000, None])
def test_one_that_can_not_be_read_hides_no_other(tmp_path: Path, damage: bytes | None) -> None:
    store = ClampStore(tmp_path)
    good, bad = (store.save(REQUEST, report()) for _ in range(2))
    path = tmp_path / f"{bad:06}.msgpack"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    (tmp_path / "notes.txt").write_text("not ours")
    kept = store.all()
    assert ([one.id for one in kept.clamps], kept.damaged) == ([good], [bad])
    with pytest.raises(UserError, match="clamps delete 2"):
        store.get(bad)
    store.delete(bad)
    assert store.all().damaged == []
