"""The sweep job: a grid of trainings from one stream, each as if it had been alone."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest
import torch

from engine.activations.capture.documents import capture_documents
from engine.errors import UserError
from engine.jobs.kinds import Sweep, SweepResult, Train
from engine.jobs.kinds.base import decode_spec
from engine.jobs.run import run
from engine.jobs.work.sweep import groups
from engine.model.load import load_model
from engine.model.site import parse_site
from engine.progress import Cancelled
from engine.sae.formats.metadata import read_metadata
from engine.sae.formats.store import load_sae
from engine.sae.recipes import recipe
from engine.sae.training.memory import training_bytes
from engine.sae.training.runs import Run
from engine.workspace.folders import Workspace

BASE = Train(name="s", activations="acts", width=48, tokens=4000, batch=100, device="cpu")


class Watching:
    """A progress that keeps notes and steps, and may cancel the work."""

    def __init__(self, cancel: Callable[[str, int], bool] = lambda phase, done: False) -> None:
        self.notes: list[str] = []
        self.told: list[tuple[str, int, Mapping[str, float]]] = []
        self._cancel = cancel
        self._cancelled = False

    def __call__(
        self,
        phase: str,
        done: int,
        total: int | None = None,
        unit: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        self.told.append((phase, done, metrics or {}))
        if self._cancel(phase, done):
            raise Cancelled

    def note(self, text: str) -> None:
        self.notes.append(text)

    @property
    def interrupted(self) -> bool:
        return False

    @property
    def steps(self) -> list[int]:
        """The steps that were told, in order."""
        return [done for phase, done, _ in self.told if phase == "train"]


@pytest.fixture(scope="module")
def captured(tiny_llama_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    workspace = Workspace.open(tmp_path_factory.mktemp("sweep") / "ws")
    capture_documents(
        load_model(str(tiny_llama_path), dtype="float32", device="cpu"),
        [f"Story {i}: " + "the dog ran. " * (1 + i % 3) for i in range(40)],
        [parse_site("resid_post.1")],
        [workspace.activations("acts")],
        origin="texts",
        context=24,
    )
    return workspace.root


@pytest.fixture
def workspace(captured: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(captured, tmp_path / "ws")
    return Workspace.at(tmp_path / "ws")


def do(spec: Sweep, workspace: Workspace, progress: Watching | None = None) -> SweepResult:
    result = run(spec, workspace, progress or Watching())
    assert isinstance(result, SweepResult)
    return result


def weights(workspace: Workspace, name: str) -> dict[str, torch.Tensor]:
    return load_sae(workspace.sae(name))[0].state_dict()


def same(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_everything_listed_is_combined_and_named() -> None:
    spec = Sweep(train=BASE, axes={"width": [16, 64], "k": [2, 4], "lr": [1e-3]})
    assert [(m.name, m.k, m.width, m.lr) for m in spec.members()] == [
        ("s.k2.w16.lr0.001", 2, 16, 1e-3),
        ("s.k2.w64.lr0.001", 2, 64, 1e-3),
        ("s.k4.w16.lr0.001", 4, 16, 1e-3),
        ("s.k4.w64.lr0.001", 4, 64, 1e-3),
    ]


def test_an_architecture_is_varied_in_what_it_has() -> None:
    spec = Sweep(train=BASE, axes={"arch": ["topk", "relu", "jumprelu"], "k": [2, 4], "l1": [0.5]})
    assert [(m.name, m.arch, m.k, m.l1) for m in spec.members()] == [
        ("s.topk.k2", "topk", 2, None),
        ("s.topk.k4", "topk", 4, None),
        ("s.relu.l1-0.5", "relu", None, 0.5),
        ("s.jumprelu.k2", "jumprelu", 2, None),
        ("s.jumprelu.k4", "jumprelu", 4, None),
    ]


def test_what_earlier_versions_stored_is_read() -> None:
    stored = (
        '{"kind":"sweep","train":{"kind":"train","name":"s","activations":"acts"},'
        '"archs":["topk","relu"],"widths":[16],"ks":[2,4],"l1s":[0.5],"lrs":[0.001]}'
    )
    spec = decode_spec(stored)
    assert isinstance(spec, Sweep)
    assert [member.name for member in spec.members()] == [
        "s.topk.k2.w16.lr0.001", "s.topk.k4.w16.lr0.001", "s.relu.w16.l1-0.5.lr0.001"
    ]  # fmt: skip
    assert decode_spec(msgspec.json.encode(spec).decode()) == spec


def test_values_that_are_listed_twice_count_once() -> None:
    assert len(Sweep(train=BASE, axes={"k": [4, 4]}).members()) == 1


def test_each_is_what_it_would_be_alone(workspace: Workspace) -> None:
    spec = Sweep(train=BASE, axes={"arch": ["topk", "batchtopk", "seed-basic"], "k": [2, 6]})
    progress = Watching()
    result = do(spec, workspace, progress)
    assert {r.name for r in result.runs} == {
        "s.topk.k2", "s.topk.k6", "s.batchtopk.k2", "s.batchtopk.k6", "s.seed-basic"
    }  # fmt: skip
    assert progress.steps == list(range(1, 41))  # one stream for all
    for member in spec.members():
        alone = msgspec.structs.replace(member, name=f"alone.{member.name}")
        trained = run(alone, workspace, Watching())
        assert same(weights(workspace, member.name), weights(workspace, alone.name))
        (row,) = [r for r in result.runs if r.name == member.name]
        kept = read_metadata(workspace.sae(member.name))
        assert row.metrics == kept.metrics
        assert row.metrics.items() >= trained.metrics.items()
        assert kept.metrics["ce_score"] == pytest.approx(trained.metrics["ce_score"])
        assert kept.trained_tokens == 4000
    l0s = [r.metrics["l0"] for r in result.runs]
    assert l0s == sorted(l0s)
    assert any(r.fvu_front for r in result.runs)
    assert not workspace.checkpoints("s.sweep").exists()


def test_figures_of_each_are_told_while_they_train(workspace: Workspace) -> None:
    progress = Watching()
    do(Sweep(train=BASE, axes={"k": [2, 6]}), workspace, progress)
    told = [metrics for phase, _, metrics in progress.told if phase == "train"]
    for metrics in told:
        assert metrics["fvu"] == pytest.approx((metrics["fvu s.k2"] + metrics["fvu s.k6"]) / 2)
    assert progress.notes == list(dict.fromkeys(progress.notes))


def test_one_that_diverges_is_left_out_and_harms_no_other(workspace: Workspace) -> None:
    spec = Sweep(train=msgspec.structs.replace(BASE, k=4), axes={"lr": [1e-3, 1e30]})
    progress = Watching()
    result = do(spec, workspace, progress)
    assert [r.name for r in result.runs] == ["s.lr0.001"]
    assert any("of s.lr1e+30" in note and "left out" in note for note in progress.notes)
    assert workspace.names("saes") == ["s.lr0.001"]
    alone = msgspec.structs.replace(spec.members()[0], name="alone")
    run(alone, workspace, Watching())
    assert same(weights(workspace, "s.lr0.001"), weights(workspace, "alone"))


def test_when_all_diverge_the_sweep_has_failed(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="Every training of the sweep diverged"):
        do(Sweep(train=BASE, axes={"lr": [1e30]}), workspace)


def test_a_sweep_that_was_cancelled_goes_on_where_it_stood(workspace: Workspace) -> None:
    spec = Sweep(train=BASE, axes={"k": [2, 6]})
    with pytest.raises(Cancelled):
        run(spec, workspace, Watching(lambda phase, done: phase == "train" and done == 23))
    assert workspace.names("saes") == []
    with pytest.raises(UserError, match="was begun before"):
        spec.check(workspace)
    progress = Watching()
    do(spec.resumed_spec(workspace), workspace, progress)
    assert progress.steps == list(range(24, 41))
    for member in spec.members():
        alone = msgspec.structs.replace(member, name=f"alone.{member.name}")
        run(alone, workspace, Watching())
        assert same(weights(workspace, member.name), weights(workspace, alone.name))


def test_what_is_trained_is_kept_and_only_measured_when_it_goes_on(workspace: Workspace) -> None:
    spec = Sweep(train=BASE, axes={"k": [2, 6]})
    evaluations = 0

    def in_the_second(phase: str, done: int) -> bool:
        nonlocal evaluations
        evaluations += phase == "evaluate" and done == 0
        return evaluations == 2

    with pytest.raises(Cancelled):
        run(spec, workspace, Watching(in_the_second))
    before = {name: weights(workspace, name) for name in workspace.names("saes")}
    assert sorted(before) == ["s.k2", "s.k6"]
    progress = Watching()
    result = do(spec.resumed_spec(workspace), workspace, progress)
    assert progress.steps == []
    assert sum(phase == "evaluate" and done == 0 for phase, done, _ in progress.told) == 1
    assert all("fvu" in r.metrics for r in result.runs)
    assert all(same(weights(workspace, name), its) for name, its in before.items())


def test_a_sweep_can_be_widened(workspace: Workspace) -> None:
    do(Sweep(train=BASE, axes={"k": [2]}), workspace)
    wider = Sweep(train=msgspec.structs.replace(BASE, resume=True), axes={"k": [2, 6]})
    progress = Watching()
    assert [r.name for r in do(wider, workspace, progress).runs] == ["s.k2", "s.k6"]
    assert all("loss s.k2" not in metrics for _, _, metrics in progress.told)


def test_what_was_trained_otherwise_is_not_taken_for_a_part_of_it(workspace: Workspace) -> None:
    do(Sweep(train=BASE, axes={"k": [2]}), workspace)
    other = msgspec.structs.replace(BASE, lr=1e-4)
    resumed = Sweep(train=msgspec.structs.replace(other, resume=True), axes={"k": [2]})
    with pytest.raises(UserError, match=r"s\.k2 is there, and was trained otherwise"):
        do(resumed, workspace)
    (row,) = do(
        Sweep(train=msgspec.structs.replace(other, replace=True), axes={"k": [2]}), workspace
    ).runs
    assert row.lr == 1e-4


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (Sweep(train=BASE), "Nothing is varied"),
        (Sweep(train=BASE, axes={"devices": [2]}), "can't vary devices"),
        (Sweep(train=BASE, axes={"k": ["many"]}), "--k can't be varied so"),
        (Sweep(train=BASE, axes={"k": [4, 64]}), "k is 64"),
        (Sweep(train=BASE, axes={"l1": [0.1]}), "topk can't be varied in l1"),
        (
            Sweep(train=BASE, axes={"arch": ["relu", "gated"], "k": [4]}),
            "relu and gated can't be varied in k",
        ),
        (Sweep(train=BASE, axes={"arch": ["vanilla"]}), "no architecture 'vanilla'"),
        (Sweep(train=BASE, axes={"lr": [float("nan")]}), "learning rate"),
        (
            Sweep(train=msgspec.structs.replace(BASE, activations="no"), axes={"k": [4]}),
            "no activation set",
        ),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(
    workspace: Workspace, spec: Sweep, said: str
) -> None:
    with pytest.raises(UserError) as refused:
        spec.check(workspace)
    assert said in str(refused.value)


def test_it_makes_every_member_and_reads_the_set(workspace: Workspace) -> None:
    spec = Sweep(train=BASE, axes={"k": [2, 6]})
    assert spec.makes(workspace) == {workspace.sae("s.k2"), workspace.sae("s.k6")}
    assert spec.reads(workspace) == {workspace.activations("acts")}


def test_runs_are_trained_together_as_far_as_memory_goes() -> None:
    cpu = torch.device("cpu")
    runs = []
    for i, width in enumerate([64, 512, 64, 128, 2048, 64]):
        sae, training = recipe("topk", 32, 5000, width=width, k=4, batch=64 if i < 5 else 128)
        runs.append(Run(sae=sae, training=training, name=str(i)))
    sizes = {run.name: training_bytes(run.sae, run.training.batch, cpu) for run in runs}
    free = sizes["1"] + sizes["2"]
    made = list(groups(runs, cpu, free))
    assert [run for group in made for run in group] == runs
    for group in made:
        assert len({(run.training.batch, run.training.steps) for run in group}) == 1
        assert len(group) == 1 or sum(sizes[run.name] for run in group) <= free
    assert len(made) < len(runs)
