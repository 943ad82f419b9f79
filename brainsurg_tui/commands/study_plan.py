"""What a study captures and trains: the seed's experiment, or a better one, on any model."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from brainsurg_tui.commands.common import Common, absolute
from engine.errors import UserError
from engine.service import protocol as p

SEED_EXPANSION = 24_576 / 1_152
"""The seed's features for each hidden dimension; its width is scaled down with the model."""
EXPANSION = 7.0
"""Features for each hidden dimension at least, in the better experiment: 4,096 for 576."""
WIDTHS = (1024, 16_384)
"""The fewest features, and the most: such an SAE trains in minutes on a CPU."""
GENERATED = 40
"""Tokens by which the seed's prompts are continued, or answered."""
DOCUMENTS = 3000
"""Documents of the corpus that is written where nobody names a text."""
CORPUS_TOKENS = 200_000
"""Of a corpus, where nobody says how much: some minutes of a small model on a CPU."""
TRAINING_TOKENS = 1_000_000

Preset = Literal["seed", "recommended"]


class Loading(msgspec.Struct, frozen=True, kw_only=True):
    """How the model is loaded, as the kinds of job take it."""

    model_dtype: str = "auto"
    quantize: str = "auto"
    device_map: str = ""

    @property
    def settings(self) -> dict[str, Any]:
        """Its fields, by their names."""
        return msgspec.structs.asdict(self)


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The model that is studied, and where."""

    model: str
    site: str
    width: int
    """Of an activation."""
    chat_template: str
    """The one that prompts are put into; empty: the model isn't tuned for chat."""
    loading: Loading = Loading()


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What a user says of a study."""

    preset: Preset
    name: str
    texts: list[Path]
    """What to train on; empty: documents that are written for it."""
    max_tokens: int | None
    """Of these; None: as many as are usual."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to capture and how to train on it."""

    prompts: p.Capture
    """The seven prompts with what the model makes of them."""
    corpus: p.Capture | None
    """What is trained on; None: the prompts."""
    trains: list[p.Train]
    """The last one's features are looked at."""
    value: float
    unit: p.Unit
    """What the first feature is clamped to."""
    files: str
    """The folder for the activation files of the prompts."""
    warning: str = ""

    @property
    def trained_on(self) -> p.Capture:
        return self.corpus or self.prompts


def check_is_planned(found: p.ActivationsInfo, capture: p.Capture) -> None:
    """Raise UserError for a set that has the name of one that is planned, and is another's."""
    if (found.model, found.site) != (capture.model, capture.sites[0]):
        raise UserError(
            f"There is a set {found.name} already, of {found.model} at {found.site}.",
            "Give the study another name with --name.",
        )


def check_files_are_of_set(planned: Plan, sets: Iterable[str]) -> None:
    """Raise UserError for activation files that are there while the prompts' set, of which they
    would be, is not among the `sets` by name: they are of prompts captured before."""
    if Path(planned.files).exists() and planned.prompts.name not in sets:
        raise UserError(
            f"{planned.files} holds the files of an earlier capture of the prompts.",
            "Remove that folder, or give the study another name with --name.",
        )


def name_of(model: str) -> str:
    """What a study of a model is called if nobody says: the last part of its path or hub id."""
    last = re.sub(r"\.gguf$", "", model.rstrip("/").rpartition("/")[2], flags=re.IGNORECASE)
    return re.sub(r"[^\w.-]+", "-", last, flags=re.ASCII).strip("-._")[:40] or "study"


def plan(wishes: Wishes, subject: Subject, prompts: list[p.SavedPrompt], common: Common) -> Plan:
    """The study of a subject, with the prompts of the workspace."""
    is_demo = subject.model == wishes.name == "demo"
    own = "seed" if is_demo and wishes.preset == "seed" else wishes.name
    captured = p.Capture(
        name=f"{own}-prompts",
        model=subject.model,
        **subject.loading.settings,
        sites=[subject.site],
        prompts=[p.Prompt(prompt=s.prompt, category=s.category) for s in prompts],
        generate=GENERATED,
        chat=bool(subject.chat_template),
        chat_template=subject.chat_template,
        device=common.device,
        seed=common.seed,
    )
    files = absolute(common.workspace / "studies" / own / "activations")
    if wishes.preset == "seed":
        return _seed_plan(subject, captured, "" if own == "seed" else f"{own}-", files)
    usual = None if is_demo and not wishes.texts else CORPUS_TOKENS
    corpus = p.Capture(
        name=f"{own}-corpus",
        model=subject.model,
        **subject.loading.settings,
        sites=[subject.site],
        texts=[absolute(text) for text in wishes.texts],
        demo_documents=0 if wishes.texts else DOCUMENTS,
        max_tokens=wishes.max_tokens or usual,
        device=common.device,
        seed=common.seed,
    )
    train = p.Train(
        name=own,
        activations=corpus.name,
        arch="matryoshka",  # its first groups keep a concept in one feature
        width=_width(subject.width),
        k=16 if subject.width < 256 else 32,
        tokens=TRAINING_TOKENS,
        **subject.loading.settings,
        device=common.device,
        seed=common.seed,
    )
    return Plan(prompts=captured, corpus=corpus, trains=[train], value=1.0, unit="max", files=files)


def _seed_plan(subject: Subject, prompts: p.Capture, prefix: str, files: str) -> Plan:
    features = round(SEED_EXPANSION * subject.width)
    return Plan(
        prompts=prompts,
        corpus=None,
        trains=[
            p.Train(
                name=f"{prefix}{arch}",
                activations=prompts.name,
                arch=arch,
                width=features,
                **subject.loading.settings,
                device=prompts.device,
                seed=prompts.seed,
            )
            for arch in ("seed-basic", "seed-optimised")
        ],
        value=5.0,
        unit="absolute",
        files=files,
        warning=(
            f"A few hundred vectors for {features:,} features is memorisation:"
            " this preset repeats the study, and is no way to find features."
        ),
    )


def _width(d_model: int) -> int:
    """The power of two above `EXPANSION` times the width of the model, within `WIDTHS`."""
    least, most = WIDTHS
    wanted = 1 << (int(EXPANSION * d_model) - 1).bit_length()
    return min(max(wanted, least), most)
