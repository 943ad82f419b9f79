"""What each kind of job is asked to do, and what it answers (no torch here).

A spec is all that a job depends on: it is stored with the job, so that the job can be read,
repeated or explained later. Paths in a spec are absolute; whoever builds one resolves them.
"""

import msgspec

from engine.activations.corpus import Prompt
from engine.sae.evaluation.density import DensityHistogram


class Spec(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What every job has."""

    device: str = "auto"
    """Where tensors live: `auto`, `cpu`, `cuda` or `cuda:N`."""
    seed: int = 0
    """Seeds every random choice of the job."""


class Capture(Spec, frozen=True, kw_only=True, tag="capture"):
    """Run a model over prompts or text and keep what was seen at some sites."""

    name: str
    """Name of the activation set; with several sites, `NAME.SITE` for each."""
    model: str
    """A folder, a hub id, or `demo` for the embedded model."""
    sites: list[str]
    """Where to look, as text: `resid_post.13`."""
    prompts: list[Prompt] = []
    """Prompts given one by one."""
    prompt_file: str | None = None
    """A file of prompts: `.txt`, `.jsonl` or `.json`."""
    texts: list[str] = []
    """Files or folders of documents."""
    dataset: str | None = None
    """A data set id for the `datasets` library, where there is a network."""
    demo_documents: int = 0
    """How many documents to write with the embedded model's own corpus generator."""
    generate: int = 0
    """How many tokens to continue each prompt by before observing it (the seed's way)."""
    context: int | None = None
    """Longest window of tokens in one forward pass; None: what the model allows, at most 1,024."""
    max_tokens: int | None = None
    """Stop after this many tokens; None: all there are."""
    dtype: str = "float32"
    """How activations are stored: `float32`, `bfloat16` or `float16`."""
    chat: bool = False
    """Put each prompt into the tokenizer's chat template."""


class CaptureResult(msgspec.Struct, frozen=True, kw_only=True, tag="capture"):
    """What a capture made; figures are for all sites together where not said otherwise."""

    name: str
    sets: list[str]
    """The activation sets written, one a site."""
    model: str
    d_model: int
    sites: list[str]
    tokens: int
    """Tokens per site."""
    documents: int
    bytes: int
    seconds: float
    tokens_per_second: float


class ImportActivations(Spec, frozen=True, kw_only=True, tag="import-activations"):
    """Read the seed's format: `activations_i.pt` and `metadata.json`."""

    name: str
    folder: str


class ExportActivations(Spec, frozen=True, kw_only=True, tag="export-activations"):
    """Write a set in the seed's format."""

    name: str
    folder: str


class FilesResult(msgspec.Struct, frozen=True, kw_only=True, tag="files"):
    """The files that an import read or an export wrote, and the shapes of their tensors."""

    files: list[str]
    shapes: list[list[int]]


class ImportSAE(Spec, frozen=True, kw_only=True, tag="import-sae"):
    """Read an SAE or transcoder that another library saved."""

    name: str
    source: str
    """A folder or file, or on the Hugging Face hub `owner/name` or `owner/name:folder`."""
    format: str | None = None
    """One of `engine.sae.formats.libraries.FORMATS`; None: the one that the files' names tell."""
    model: str | None = None
    """The model whose activations it reads; None: as its files tell."""
    site: str | None = None
    """Where in the model; None: as its files tell."""

    @property
    def is_local(self) -> bool:
        """Whether the source is a path."""
        return self.source.startswith("/")


class ExportSAE(Spec, frozen=True, kw_only=True, tag="export-sae"):
    """Write an SAE as another library saves its own."""

    name: str
    folder: str
    format: str
    """One of `engine.sae.formats.libraries.FORMATS`."""


class ExchangedSAE(msgspec.Struct, frozen=True, kw_only=True, tag="exchanged-sae"):
    """The SAE that was imported or exported."""

    name: str
    arch: str
    """As it was trained."""
    d_in: int
    d_sae: int
    k: int | None
    model: str
    site: str
    """Empty where its files don't tell, as is `model`."""
    format: str


class Train(Spec, frozen=True, kw_only=True, tag="train"):
    """Train an SAE or a transcoder on an activation set, or on what a model makes meanwhile.

    None means: the architecture's own recipe decides.
    """

    name: str
    activations: str = ""
    """The activation set that is read; empty: a model is observed while it reads text."""
    target: str | None = None
    """For a transcoder: the set that it predicts, captured in one go with the other."""
    model: str | None = None
    """Without a set: a folder, a hub id, or `demo` for the embedded model."""
    site: str | None = None
    """Where the model is observed."""
    target_site: str | None = None
    """For a transcoder: the site that it predicts."""
    texts: list[str] = []
    """Files or folders of documents for the model to read."""
    dataset: str | None = None
    """A data set id for the `datasets` library, where there is a network."""
    context: int | None = None
    """Longest window of tokens in one forward pass; None: what the model allows, at most 1,024."""
    arch: str = "topk"
    """One of `engine.sae.config.ARCHITECTURES`."""
    preset: str = ""
    """One of `engine.sae.recipes.PRESETS`; empty: our own recipe."""
    width: int | None = None
    """Number of features, d_sae."""
    k: int | None = None
    """Active features per token (topk, batchtopk, matryoshka), or how many to aim at (jumprelu)."""
    l1: float | None = None
    """Weight of the sparsity penalty (relu, gated and the seed's two)."""
    skip: bool = False
    """For a transcoder: a linear map beside the features."""
    tokens: int | None = None
    """Training tokens, counted with repetition."""
    batch: int | None = None
    """Tokens per step."""
    lr: float | None = None
    devices: int = 1
    """How many devices train together; each is given its share of every batch."""
    shards: int = 1
    """In how many parts the features are shared out among them, where one can't hold them all."""
    checkpoint_minutes: float = 5.0
    """How often where it stands is saved, so that it can go on after an interruption."""
    replace: bool = False
    """Train again under a name that is taken; the old SAE goes when the new one is whole."""
    resume: bool = False
    """Go on from the newest checkpoint; all settings must be those it was begun with."""


class TrainResult(msgspec.Struct, frozen=True, kw_only=True, tag="train"):
    """The trained SAE; `metrics` were measured on held-out documents, from reloaded weights."""

    name: str
    arch: str
    d_in: int
    d_sae: int
    steps: int
    tokens: int
    tokens_per_second: float
    metrics: dict[str, float]
    """Of the last step: loss. Of held-out activations: those of
    `engine.sae.evaluation.reconstruction`, among them fvu, explained_variance, l0 and
    dead_fraction. Where a model is at hand: ce_score, delta_ce, kl."""


class Sweep(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="sweep"):
    """Train an SAE for every combination of some settings, from one stream, and compare them.

    What is listed is varied, and is in the names of what comes of it: `NAME.k16.w1024`.
    """

    train: Train
    """What all have in common. The sweep is called as this is; with `resume`, what the sweep has
    trained already is kept."""
    archs: list[str] = []
    widths: list[int] = []
    ks: list[int] = []
    """For architectures that have a k, and as the L0 to aim at (jumprelu)."""
    l1s: list[float] = []
    """For architectures that have a sparsity penalty."""
    lrs: list[float] = []

    @property
    def name(self) -> str:
        """What the sweep is called."""
        return self.train.name


class SweepRun(msgspec.Struct, frozen=True, kw_only=True):
    """One SAE of a sweep: the settings that it was trained with, and its figures."""

    name: str
    arch: str
    width: int
    k: float | None = None
    """Active features per token, or how many were aimed at; None where L1 decides."""
    l1: float | None = None
    lr: float
    metrics: dict[str, float]
    """As those of `TrainResult`."""
    fvu_front: bool = False
    """Whether no other of the sweep has both a lower L0 and a lower fvu (Pareto)."""
    ce_score_front: bool = False
    """The same with a higher CE score, among those for which it is known."""


class SweepResult(msgspec.Struct, frozen=True, kw_only=True, tag="sweep"):
    """The SAEs of a sweep, the sparsest first; those that diverged are left out."""

    name: str
    runs: list[SweepRun]
    seconds: float


class Scan(Spec, frozen=True, kw_only=True, tag="scan"):
    """Build the feature catalogue of an SAE over an activation set."""

    sae: str
    activations: str | None = None
    """None: the set that the SAE was trained on."""
    top_k: int = 20
    """Strongest examples kept of each feature, from distinct documents."""
    radius: int = 16
    """Tokens on either side of an example whose activations are kept."""


class ScanResult(msgspec.Struct, frozen=True, kw_only=True, tag="scan"):
    """A feature catalogue was built."""

    sae: str
    activations: str
    features: int
    tokens: int
    alive: int
    """Features that were active at least once."""
    seconds: float
    tokens_per_second: float


class Evaluate(Spec, frozen=True, kw_only=True, tag="evaluate"):
    """Measure how good an SAE is, on activations and, where its model can be had, inside that."""

    sae: str
    activations: str | None = None
    """None: the set that the SAE was trained on. Of that set, named or not, only what training held
    out is used, if it held something out."""
    target: str | None = None
    """For a transcoder: the set of what it predicts, captured in one go with the other."""
    model: str | None = None
    """What the set was captured from, where it lies elsewhere now; None: as the set names it."""
    max_tokens: int = 65_536
    """Tokens of text for the model to read, in whole windows of the capture."""
    histogram: bool = False
    """Count the features by density, too."""


class EvaluateResult(msgspec.Struct, frozen=True, kw_only=True, tag="evaluate"):
    """An SAE's figures; `engine.sae` says what each is, in `evaluate`, `decoder_cosine`, `splice`.

    None stands for what is not known: where there is no variance, no second feature, no model, or
    no record of training.
    """

    sae: str
    activations: str
    target: str | None = None
    split: str
    """Which of the set's documents were used: `held_out`, by the training; `trained_on`, because it
    held nothing out; or `all`, of another set than that of the training. Never BOS."""
    vectors: int
    mse: float
    fvu: float | None = None
    explained_variance: float | None = None
    cosine: float
    norm_ratio: float
    l0: float
    active_threshold: float
    training_l0: float | None = None
    l0_gap: float | None = None
    """l0 − training_l0"""
    dead_fraction: float
    mean_decoder_cosine: float | None = None
    max_decoder_cosine: float | None = None
    ce_clean: float | None = None
    ce_sae: float | None = None
    ce_zero: float | None = None
    ce_score: float | None = None
    delta_ce: float | None = None
    kl: float | None = None
    predictions: int | None = None
    """What the figures from `ce_clean` on are means over."""
    histogram: DensityHistogram | None = None
    seconds: float


class ExportFeatures(Spec, frozen=True, kw_only=True, tag="export-features"):
    """Write the dashboards of an SAE's features as SAEDashboard does, for Neuronpedia."""

    sae: str
    folder: str
    """Is made, and holds `batch-0.json`, `batch-1.json` and so on."""
    features: list[int] | None = None
    """None: all that were ever active."""
    model: str | None = None
    """What the set was captured from, where it lies elsewhere now; None: as the set names it."""
    batch: int = 128
    """Features a file."""


class ExportedFeatures(msgspec.Struct, frozen=True, kw_only=True, tag="exported-features"):
    """The dashboards that were written."""

    sae: str
    folder: str
    features: int
    files: list[str]
    """Their names in the folder."""
    seconds: float
    """Without loading the model."""


JobSpec = (
    Capture
    | ImportActivations
    | ExportActivations
    | ImportSAE
    | ExportSAE
    | Train
    | Sweep
    | Scan
    | Evaluate
    | ExportFeatures
)
Training = Train | Sweep
Resumable = Training | Scan
"""What saves where it stands, and can go on after an interruption."""
JobResult = (
    CaptureResult
    | FilesResult
    | ExchangedSAE
    | TrainResult
    | SweepResult
    | ScanResult
    | EvaluateResult
    | ExportedFeatures
)


def describe(spec: JobSpec) -> str:
    """A job in a few words, for lists."""
    match spec:
        case Capture():
            return f"capture {spec.name}"
        case ImportActivations() | ExportActivations() | ImportSAE() | ExportSAE():
            return f"{type(spec).__struct_config__.tag} {spec.name}"
        case Train():
            return f"train {spec.name} ({spec.arch})"
        case Sweep():
            return f"sweep {spec.name}"
        case Scan():
            return f"scan {spec.sae}"
        case Evaluate():
            return f"evaluate {spec.sae}"
        case ExportFeatures():
            return f"export-features {spec.sae}"


def how_to_go_on(id: int, spec: JobSpec) -> str:
    """What to do about a job that was interrupted; nothing if it can only be done anew."""
    return f"Go on with: brainsurg jobs resume {id}" if isinstance(spec, Resumable) else ""
