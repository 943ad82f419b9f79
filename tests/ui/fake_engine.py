"""An engine that lives in the test: a world that several front ends may be connected to.

It answers at once with small believable data, and jobs stand still until a test moves them.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import msgspec
import numpy as np

from engine.errors import UserError
from engine.interventions.spec import (
    BY_CONSTRUCTION,
    DimensionShift,
    DimensionSummary,
    FeatureEdit,
    NextToken,
)
from engine.service import protocol as p
from engine.service.faults import EngineGoneError
from tests.ui import fake_features
from tests.ui.fake_features import TOKENS, feature_columns

PROMPTS = (
    ("story", "Once upon a time in a distant land"),
    ("factual", "What is the capital of France?"),
    ("code", "Write a Python function to reverse a string."),
    ("dialogue", "Alice: Hi Bob! How are you?"),
    ("science", "The theory of relativity explains..."),
    ("humour", "Tell me a joke that would make even a robot laugh."),
    ("figurative", "If we were both code, I'd say you're the syntax to my logic."),
)
D_SAE = 2048
D_MODEL = 64
PUBLISHED_FOR = "lab/model"
"""The model for which something is published."""
MSE = 0.012
"""Of every SAE: by it, an evaluation is known to be of the SAE that is there."""


class World:
    """What the fake engine keeps, whoever is connected."""

    def __init__(self, workspace: str = "/tmp/fake-workspace", *, empty: bool = False) -> None:
        self.workspace = workspace
        self.prompts = [
            p.SavedPrompt(id=i, prompt=prompt, category=category)
            for i, (category, prompt) in enumerate(PROMPTS, 1)
        ]
        self.activations: list[p.ActivationsInfo] = []
        self.saes: list[p.SAEInfo] = []
        self.damaged: list[p.DamagedInfo] = []
        self.notes: dict[str, dict[int, p.Note]] = {}
        self.split: Literal["held_out", "trained_on", ""] = "held_out"
        """What trainings are measured on."""
        self.scanned = 1.0
        """Share of the tokens that scans have looked at."""
        self.jobs: dict[int, p.JobInfo] = {}
        self.events: list[p.Event] = []
        self.watchers: list[asyncio.Queue[p.NewsBody | None]] = []
        self.clamps: dict[int, p.ClampRecord] = {}
        self.asked: list[p.Request[Any]] = []
        self.gates: dict[type, asyncio.Event] = {}
        """A request of such a type is answered only when its gate is opened."""
        self.clock = 1_700_000_000.0
        self.gpus: list[p.Gpu] = []
        if not empty:
            self.add_activations("acts1", tokens=TOKENS, documents=120)
            self.add_sae("r1", scanned=True)
            self.name("r1", 11, "European capitals")
            self.name("r1", 7, "once upon a time")

    # What it holds

    def clamp_list(self) -> list[p.ClampInfo]:
        """The reports that are kept, oldest first."""
        return [
            p.ClampInfo(
                id=kept.id,
                created=kept.created,
                sae=kept.request.sae,
                edits=", ".join(p.describe_edit(edit) for edit in kept.request.edits),
                view=kept.request.view,
                prompts=len(kept.report.prompts),
                generate=kept.request.generate,
                nulls=kept.request.nulls,
                kl=0.031,
                bytes=9000,
            )
            for kept in self.clamps.values()
        ]

    def add_activations(self, name: str, *, tokens: int, documents: int) -> None:
        self.activations.append(
            p.ActivationsInfo(
                name=name,
                model="models/stories260k",
                site="resid_post.3",
                d_model=D_MODEL,
                tokens=tokens,
                documents=documents,
                dtype="float32",
                bytes=tokens * D_MODEL * 4,
                origin=f"{documents} prompts, each continued by 24 tokens",
            )
        )

    def add_sae(self, name: str, *, arch: str = "topk", scanned: bool = False) -> None:
        self.saes.append(
            p.SAEInfo(
                name=name,
                arch=arch,
                d_in=D_MODEL,
                d_sae=D_SAE,
                k=16 if arch == "topk" else None,
                model="models/stories260k",
                site="resid_post.3",
                activations="acts1",
                metrics={"explained_variance": 0.931, "fvu": 0.069, "l0": 16.0, "mse": MSE},
                scanned=scanned,
            )
        )

    def import_sae(self, name: str) -> None:
        self.add_sae(name, arch="jumprelu")
        self.saes[-1] = msgspec.structs.replace(
            self.saes[-1], model=PUBLISHED_FOR, site="resid_post.4", activations=""
        )

    def name(self, sae: str, feature: int, label: str) -> None:
        self.notes.setdefault(sae, {})[feature] = p.Note(label=label)

    def note(self, sae: str, feature: int) -> p.Note:
        return self.notes.get(sae, {}).get(feature, p.Note())

    def labels(self, sae: str) -> dict[int, str]:
        return {id: note.label for id, note in self.notes.get(sae, {}).items()}

    def table(self, sae: str) -> p.FeatureTable:
        columns = feature_columns(D_SAE, self.scanned)
        return p.FeatureTable(
            sae=sae,
            activations="acts1",
            features=D_SAE,
            tokens=int(TOKENS * self.scanned),
            total_tokens=TOKENS,
            columns={name: column.tobytes() for name, column in columns.items()},
            dtypes={name: column.dtype.str for name, column in columns.items()},
            notes=dict(self.notes.get(sae, {})),
        )

    def detail(self, sae: str, feature: int) -> p.FeatureDetail:
        columns = feature_columns(D_SAE, self.scanned)
        return fake_features.detail(feature, columns, self.note(sae, feature))

    def maximum(self, feature: int) -> float:
        return float(feature_columns(D_SAE)["max"][feature])

    def match(self, request: p.MatchFeatures) -> p.Matches:
        columns = feature_columns(D_SAE, self.scanned)
        mask = fake_features.matching(request.filter, columns, self.notes.get(request.sae, {}))
        return p.Matches(
            matching=int(mask.sum()), mask=np.packbits(mask, bitorder="little").tobytes()
        )

    def nearest(self, request: p.GetNearest) -> p.Relatives:
        labels = self.labels(request.other or request.sae)
        found = fake_features.relatives(request.feature, 5, labels)
        warnings = ["They were trained on other texts."] if request.other else []
        return msgspec.structs.replace(found, warnings=warnings)

    # Jobs

    def submit(self, spec: p.JobSpec) -> p.JobInfo:
        if isinstance(spec, p.Train) and spec.name in {sae.name for sae in self.saes}:
            raise UserError(f"There is an SAE {spec.name} already.", "Choose another name.")
        id = len(self.jobs) + 1
        self.jobs[id] = p.JobInfo(id=id, spec=spec, state="queued", created=self.clock)
        self.tell(id, p.StateChanged(state="queued"))
        return self.jobs[id]

    def start(self, id: int) -> None:
        self.jobs[id] = msgspec.structs.replace(
            self.jobs[id], state="running", started=self.clock, pid=4242
        )
        self.tell(id, p.StateChanged(state="running"))

    def publish(self, id: int, share: float) -> None:
        """A scan has written down what it found in this share of the tokens."""
        self.scanned = share
        progress = p.Progressed(
            phase="scan",
            done=int(share * TOKENS),
            total=TOKENS,
            unit="tokens",
            metrics={"alive": 1900.0},
        )
        self.jobs[id] = msgspec.structs.replace(self.jobs[id], progress=progress)
        self.tell(id, progress)

    def report(self, id: int, done: int, total: int = 1000) -> None:
        """A training says how far it is."""
        share = done / total
        progress = p.Progressed(
            phase="train",
            done=done,
            total=total,
            unit="steps",
            rate=210.0,
            seconds_left=(total - done) / 210,
            metrics={
                "loss": 1.2 * math.exp(-4 * share) + 0.08 + 0.01 * math.sin(done),
                "fvu": math.exp(-5 * share) + 0.06,
                "l0": 16.0,
                "dead_fraction": 0.01 + 0.05 * share,
                "lr": 3e-4,
                "tokens_per_second": 31_900.0,
            },
        )
        self.jobs[id] = msgspec.structs.replace(self.jobs[id], progress=progress)
        self.tell(id, progress)

    def finish(self, id: int, state: str = "done", error: str = "") -> None:
        """The job ends, and the workspace holds what it made."""
        job = self.jobs[id]
        result = self._made(job.spec) if state == "done" else None
        self.jobs[id] = msgspec.structs.replace(
            job, state=state, ended=self.clock + 38, error=error, result=result
        )
        self.tell(id, p.StateChanged(state=state, error=error))
        self.changed()

    def _made(self, spec: p.JobSpec) -> p.JobResult:
        match spec:
            case p.Capture():
                self.add_activations(spec.name, tokens=315, documents=len(spec.prompts))
                return p.CaptureResult(
                    name=spec.name,
                    sets=[spec.name],
                    model=spec.model,
                    d_model=D_MODEL,
                    sites=spec.sites,
                    tokens=315,
                    documents=len(spec.prompts),
                    bytes=315 * D_MODEL * 4,
                    seconds=2.0,
                    tokens_per_second=157.0,
                )
            case p.ImportSAE():
                self.import_sae(spec.name)
                return p.ExchangedSAE(
                    name=spec.name,
                    arch="jumprelu",
                    d_in=D_MODEL,
                    d_sae=D_SAE,
                    k=None,
                    model=PUBLISHED_FOR,
                    site="resid_post.4",
                    format="gemma_scope",
                )
            case p.Train():
                self.add_sae(spec.name, arch=spec.arch)
                return p.TrainResult(
                    name=spec.name,
                    arch=spec.arch,
                    d_in=D_MODEL,
                    d_sae=D_SAE,
                    steps=1000,
                    tokens=1_024_000,
                    tokens_per_second=31_900.0,
                    metrics={"fvu": 0.069, "explained_variance": 0.931, "l0": 16.0},
                    split=self.split,
                )
            case p.Scan():
                self.saes = [
                    msgspec.structs.replace(sae, scanned=sae.scanned or sae.name == spec.sae)
                    for sae in self.saes
                ]
                return p.ScanResult(
                    sae=spec.sae,
                    activations=spec.activations or "acts1",
                    features=D_SAE,
                    tokens=TOKENS,
                    alive=2000,
                    seconds=3.0,
                    tokens_per_second=9000.0,
                )
            case p.Sweep():
                runs = []
                for k in spec.axes["k"]:
                    self.add_sae(f"{spec.name}.k{k}")
                    metrics = {"l0": float(k), "fvu": 1 / k, "dead_fraction": 0.02}
                    runs.append(
                        p.SweepRun(
                            name=f"{spec.name}.k{k}",
                            arch=spec.train.arch,
                            width=D_SAE,
                            k=k,
                            lr=1e-3,
                            metrics=metrics,
                            fvu_front=True,
                        )
                    )
                return p.SweepResult(name=spec.name, runs=runs, seconds=38.0)
            case p.Probe():
                return fake_features.probe_result(spec)
            case p.Evaluate():
                return p.EvaluateResult(
                    sae=spec.sae,
                    activations="acts1",
                    split="held_out",
                    vectors=1843,
                    mse=MSE,
                    fvu=0.069,
                    cosine=0.97,
                    norm_ratio=0.96,
                    l0=16.0,
                    active_threshold=0.0,
                    dead_fraction=5 / D_SAE,
                    histogram=p.DensityHistogram(
                        edges=[-4.0, -3.0, -2.0, -1.0, 0.0], counts=[0, 643, 1200, 200], dead=5
                    ),
                    seconds=2.0,
                )
            case _:
                return p.FilesResult(files=["activations_0.pt", "metadata.json"], shapes=[[49, 64]])

    # News

    def tell(self, job: int, body: p.StateChanged | p.Progressed | p.Noted) -> None:
        event = p.Event(seq=len(self.events) + 1, job=job, time=self.clock, body=body)
        self.events.append(event)
        self._send(event)

    def changed(self) -> None:
        self._send(p.ContentsChanged())

    def question_progress(self, done: int, total: int) -> None:
        progress = p.Progressed(phase="clamp", done=done, total=total)
        self._send(p.QuestionProgress(ask=1, body=progress))

    def _send(self, body: p.NewsBody) -> None:
        for watcher in self.watchers:
            watcher.put_nowait(body)

    def die(self) -> None:
        """Every connection is lost."""
        for watcher in self.watchers:
            watcher.put_nowait(None)
        self.watchers.clear()


class FakeEngine:
    """One connection to the world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._news: asyncio.Queue[p.NewsBody | None] = asyncio.Queue()
        self._gone = False

    async def ask(self, request: p.Request[Any]) -> Any:
        if self._gone:
            raise EngineGoneError("the engine has ended")
        self.world.asked.append(request)
        gate = self.world.gates.get(type(request))
        if gate is not None:
            await gate.wait()
        answer = ANSWERS[type(request)]
        if isinstance(request, p.Watch):
            self.world.watchers.append(self._news)
        return answer(self.world, request)

    async def news(self) -> AsyncIterator[p.NewsBody]:
        while (body := await self._news.get()) is not None:
            yield body
        self._gone = True

    async def close(self) -> None:
        self._gone = True
        if self._news in self.world.watchers:
            self.world.watchers.remove(self._news)


def _clamp(world: World, request: p.Clamp) -> p.ClampReport:
    """Reports are kept, as the daemon does."""
    report, id = clamp_report(request.request), max(world.clamps, default=0) + 1
    world.clamps[id] = p.ClampRecord(
        id=id, created=1.7e9 + 60 * id, request=request.request, report=report
    )
    return report


def _delete_clamp(world: World, request: p.DeleteClamp) -> p.Done:
    del world.clamps[request.id]
    return p.Done()


def clamp_report(request: p.ClampRequest) -> p.ClampReport:
    """A report in which stronger edits do more."""
    edit = request.edits[0]
    strength = abs(edit.value)
    shift = {
        "mean_abs_diff": 0.031 * strength,
        "max_abs_diff": 0.537 * strength,
        "top_dims": [
            DimensionShift(token=t, dim=d, delta=-0.537 * strength / (i + 1))
            for i, (t, d) in enumerate(((0, 38), (1, 38), (9, 38), (9, 12), (2, 7)))
        ],
        "dimensions": [
            DimensionSummary(
                dim=dim,
                mean_delta=-0.2 / (i + 1),
                mean_abs_delta=0.2 / (i + 1),
                max_abs_delta=0.5 / (i + 1),
            )
            for i, dim in enumerate((38, 12, 7, 3, 60))
        ],
    }
    common = {
        "feature": edit.feature,
        "operation": edit.operation,
        "edits": request.edits,
        "maxima": [8.31] * len(request.edits),
        "corpus": "acts1",
        "reproduce": f"brainsurg clamp {request.sae} --feature {edit.feature} --times-max 5",
    }
    if request.view == "reconstruction":
        return p.ReconstructionReport(
            **common,
            prompts=[
                p.ReconstructedPrompt(prompt=t, tokens=t.split(" "), **shift)
                for t in request.prompts
            ],
            note=BY_CONSTRUCTION,
            warnings=[],
        )
    return p.ModelReport(
        **common,
        site="resid_post.3",
        prompts=[
            edited_prompt(text, i, edit, shift, request.measures)
            for i, text in enumerate(request.prompts)
        ],
        null_features=[[4]] * request.nulls,
        pooled=[
            p.PooledEffect(
                measure=name,
                unit="nats",
                value=2.5 * edit.value * (place + 1),
                prompts=len(request.prompts),
                null=p.Null(n=request.nulls, mean=0.1, low=-0.25, high=0.5, p=0.0476),
            )
            for place, name in enumerate(["kl", *request.measures])
        ],
        curve=curve(request) if request.strengths else None,
        checks=p.Checks(
            no_op=True,
            hf_identical=True,
            error_kept=True,
            error_kept_deviation=1e-7,
            bos_masked=True,
            sinks_masked=True,
        ),
        warnings=["315 training vectors for 2,048 features: this memorises."],
    )


def curve(request: p.ClampRequest) -> p.Curve:
    strengths = sorted(request.strengths)
    return p.Curve(
        strengths=strengths,
        nulls=10,
        measures=[
            p.CurveMeasure(
                measure=name,
                unit="nats",
                values=[2 * strength for strength in strengths],
                low=[-0.5 * abs(strength) for strength in strengths],
                high=[abs(strength) for strength in strengths],
                onset=0.5,
            )
            for name in ["kl", *request.measures]
        ],
        texts=[["so"] * len(request.prompts)] * len(strengths),
        quality=[-1.0] * len(strengths),
        clean_quality=-0.9,
        breaking=5.0,
    )


def edited_prompt(
    text: str, number: int, edit: FeatureEdit, shift: dict[str, Any], measures: list[str]
) -> p.EditedPrompt:
    before = [" there", " was", " a", " little", " girl", " named", " Lily", "."]
    after = [" there", " was", " a", " big", " city", " called", " Vienna", "."]
    prompt_tokens = text.split(" ")
    kl = 0.08 * abs(edit.value) / (number + 1)
    return p.EditedPrompt(
        prompt=text,
        tokens=[*prompt_tokens, *before],
        prompt_tokens=len(prompt_tokens),
        edited_tokens=len(prompt_tokens) + len(before) - 1,
        left_out=[p.LeftOut(position=0, reason="sink")],
        kl=kl,
        kl_per_position=[kl] * (len(prompt_tokens) + len(before)),
        delta_ce=0.12,
        relative_norm=0.31,
        next_token=[
            NextToken(token=" there", logp_before=-0.4, logp_after=-0.9),
            NextToken(token=" the", logp_before=-1.9, logp_after=-2.4),
            NextToken(token=" city", logp_before=-7.1, logp_after=-1.2),
        ],
        baseline_text="".join(before),
        edited_text="".join(after),
        divergence=3,
        null=p.Null(n=20, mean=0.031, low=0.010, high=0.080, p=0.048),
        effects=[
            p.Effect(
                measure=name,
                unit="nats",
                before=-6.0,
                after=-6.0 + 4.5 * place,
                value=4.5 * place,
                flipped=-2.0,
                where_silent=4.0,
                null=p.Null(n=20, mean=0.1, low=-0.25, high=0.5, p=0.0952),
            )
            for place, name in enumerate(["kl", *measures])
        ],
        **shift,
    )


# What each request is answered with --------------------------------------------------------------


def _save_prompt(world: World, request: p.SavePrompt) -> p.SavedPrompt:
    if not request.prompt.strip():
        raise UserError("A prompt needs some text.")
    id = request.id or max((known.id for known in world.prompts), default=0) + 1
    saved = p.SavedPrompt(id=id, prompt=request.prompt, category=request.category)
    known = [prompt.id for prompt in world.prompts]
    if id in known:
        world.prompts[known.index(id)] = saved
    else:
        world.prompts.append(saved)
    world.changed()
    return saved


def _restore_prompts(world: World, request: p.RestorePrompts) -> p.Done:
    world.prompts = list(request.prompts)
    world.changed()
    return p.Done()


def _annotate(world: World, request: p.Annotate) -> p.Done:
    notes = world.notes.setdefault(request.sae, {})
    notes[request.feature] = request.note
    if request.note == p.Note():
        del notes[request.feature]
    world.changed()
    return p.Done()


def _change_job(state: str) -> Callable[[World, Any], p.JobInfo]:
    def change(world: World, request: Any) -> p.JobInfo:
        world.jobs[request.id] = msgspec.structs.replace(
            world.jobs[request.id], state=state, ended=None, error=""
        )
        world.tell(request.id, p.StateChanged(state=state))
        return world.jobs[request.id]

    return change


def _delete(kind: str) -> Callable[[World, Any], p.Done]:
    def delete(world: World, request: Any) -> p.Done:
        for known in (kind, "damaged"):
            setattr(world, known, [x for x in getattr(world, known) if x.name != request.name])
        world.changed()
        return p.Done()

    return delete


def _status(world: World, request: p.GetStatus) -> p.Status:
    return p.Status(
        pid=1,
        uptime=12.0,
        version="0.1.0",
        workspace=world.workspace,
        device="cpu, 2 cores",
        jobs={},
        workers=[],
        gpus=world.gpus,
        memory_used=1,
        memory_total=2,
        clients=len(world.watchers),
    )


def _contents(world: World, request: p.GetContents) -> p.Contents:
    return p.Contents(
        workspace=world.workspace,
        prompts=list(world.prompts),
        activations=list(world.activations),
        saes=list(world.saes),
        damaged=list(world.damaged),
    )


def _summary(world: World, request: p.GetSummary) -> p.ActivationsSummary:
    known = next(a for a in world.activations if a.name == request.name)
    return p.ActivationsSummary(
        name=known.name,
        prompts=known.documents,
        average_tokens=known.tokens / known.documents,
        d_model=known.d_model,
        vectors=known.tokens,
    )


def _events(world: World, request: p.GetEvents) -> p.EventList:
    return p.EventList(
        [e for e in world.events if e.seq > request.after and request.job in (None, e.job)]
    )


def _sites(world: World, request: p.GetSites) -> p.Sites:
    if request.model == "nowhere":
        raise UserError("There is no model nowhere.")
    sites = [
        p.SiteInfo(site=f"resid_post.{i}", module=f"layers.{i}", width=D_MODEL, meaning="")
        for i in range(9 if request.model == "deep" else 5)
    ]
    return p.Sites(sites, ["default", "rag"] if request.model == "instruct" else [])


def _published(world: World, request: p.GetPublished) -> p.Published:
    models = [p.PublishedModel(model=name, saes=6) for name in ("lab/another", PUBLISHED_FOR)]
    if request.model not in ("", *(each.model for each in models)):
        raise UserError(f"No published SAE is known for {request.model}.")
    saes = [
        p.PublishedSAE(
            name=f"{release}/layer_{layer}",
            model=request.model,
            site=f"{kind}.{layer}",
            target_site="",
            l0=10.0 * layer,
            format="gemma_scope",
            repository="lab/saes",
            path=f"layer_{layer}",
            source=0,
        )
        for release, kind in (("scope-res", "resid_post"), ("scope-mlp", "mlp_out"))
        for layer in ((6, 7, 8) if request.model == PUBLISHED_FOR else (1, 2, 3))
    ]
    return p.Published(
        models=[each for each in models if request.model in ("", each.model)],
        saes=saes if request.model else [],
        sources=[p.Source(name="A list", date="2026-10", url="https://example.org")],
    )


ANSWERS: dict[type, Callable[[World, Any], Any]] = {
    p.Watch: lambda world, request: p.Done(),
    p.GetStatus: _status,
    p.GetContents: _contents,
    p.GetSummary: _summary,
    p.ListJobs: lambda world, request: p.JobList(list(world.jobs.values())),
    p.GetJob: lambda world, request: world.jobs[request.id],
    p.GetEvents: _events,
    p.GetFeatureTable: lambda world, request: world.table(request.sae),
    p.GetFeature: lambda world, request: world.detail(request.sae, request.feature),
    p.Annotate: _annotate,
    p.GetNotes: lambda world, request: p.NoteList(notes=dict(world.notes.get(request.sae, {}))),
    p.MatchFeatures: lambda world, request: world.match(request),
    p.GetSnippets: lambda world, request: fake_features.examples(
        request, world.maximum(request.feature)
    ),
    p.GetNearest: lambda world, request: world.nearest(request),
    p.GetCoactive: lambda world, request: fake_features.relatives(
        request.feature, 4, world.labels(request.sae), shares=True
    ),
    p.GetDocument: lambda world, request: fake_features.document(
        request, world.maximum(request.feature)
    ),
    p.FindFiring: lambda world, request: fake_features.firing(request, world.labels(request.sae)),
    p.FindContrast: lambda world, request: fake_features.contrast(
        request, world.labels(request.sae)
    ),
    p.Grep: lambda world, request: fake_features.grep(request, world.labels(request.sae)),
    p.SavePrompt: _save_prompt,
    p.RestorePrompts: _restore_prompts,
    p.Submit: lambda world, request: world.submit(request.spec),
    p.CancelJob: _change_job("cancelled"),
    p.PauseJob: _change_job("paused"),
    p.ResumeJob: _change_job("running"),
    p.GetSites: _sites,
    p.GetPublished: _published,
    p.Clamp: _clamp,
    p.GetClamps: lambda world, request: p.ClampList(clamps=[*reversed(world.clamp_list())]),
    p.GetClamp: lambda world, request: world.clamps[request.id],
    p.DeleteClamp: _delete_clamp,
    p.DeleteActivations: _delete("activations"),
    p.DeleteSAE: _delete("saes"),
}
