"""A capture: a model reads prompts or text, and what it does at some sites is stored."""

from pathlib import Path
from typing import Annotated, Self

import msgspec

from engine.activations.corpus import read_prompts
from engine.activations.store.row_summary import RowSummary
from engine.activations.store.unfinished import CaptureRecord, read_record
from engine.errors import UserError
from engine.files import check_absent, checked_name
from engine.jobs.kinds.base import JobResult, register_kind
from engine.jobs.kinds.checks import check_files, check_unchanged, file_names
from engine.jobs.kinds.fields import Setting
from engine.jobs.kinds.model import ModelSpec
from engine.model.prompt import ChatChoice, Prompt, chat_choice
from engine.model.site import parse_site
from engine.workspace.folders import Workspace

__all__ = ["Capture", "CaptureResult"]

BOS = {"auto": None, "always": True, "never": False}
"""Whether a BOS token stands before texts; None: as the tokenizer has it."""
DTYPES = ("float32", "bfloat16", "float16")
"""How activations can be stored."""

MAY_CHANGE = frozenset({"device", "device_map", "replace", "resume"})
"""Fields of a spec that a capture may go on with whatever they were."""


class CaptureResult(JobResult, msgspec.Struct, frozen=True, kw_only=True, tag="capture"):
    """What a capture made; figures are for all sites together where not said otherwise."""

    name: str
    sets: list[str]
    """The activation sets written, one a site."""
    model: str
    model_dtype: str = ""
    """What the model computed in; empty in results of versions that didn't write it down."""
    quantisation: str = ""
    """What its weights were stored in, such as Q4_1 of a GGUF file, or int8; empty: plain."""
    chat_template: str = ""
    """The name of the chat template that prompts were put into; empty: into none."""
    d_model: int
    sites: list[str]
    tokens: int
    """Tokens per site."""
    documents: int
    sinks: int = 0
    """Attention sinks."""
    row_summaries: dict[str, RowSummary] = {}
    """By activation set, which norms are those of sinks, and what its rows are."""
    bytes: int
    seconds: float
    tokens_per_second: float
    left_out: int = 0
    """Documents that can't be read."""


@register_kind
class Capture(ModelSpec, frozen=True, kw_only=True, tag="capture"):
    """Run a model over prompts or text, and keep its activations at some sites."""

    work = "engine.jobs.work.capture:capture"
    result = CaptureResult
    resumable = True

    name: str
    """What to call the activation set; with several sites, NAME.SITE for each."""
    model: Annotated[str, Setting(flag="model", meaning="model")]
    """A folder, a hub id, a GGUF file, or `demo` for the embedded model."""
    sites: Annotated[list[str], Setting(flag="site")]
    """Where to look, such as resid_post.13; may be given several times."""
    prompts: Annotated[list[Prompt], Setting(offered=False)] = []
    """Prompts given one by one."""
    prompt_file: Annotated[str | None, Setting(flag="prompts", meaning="path")] = None
    """A file of prompts: .txt, .jsonl or .json; also of conversations: {"messages": [{"role":
    "user", "content": "…"}]}."""
    texts: Annotated[list[str], Setting(flag="text", meaning="path")] = []
    """Files or folders of documents: .txt, .jsonl, .json or .parquet. A document that can't be
    read, such as a line that is not JSON, is left out and named."""
    dataset: str | None = None
    """An id for the datasets library, where there is a network."""
    demo_documents: Annotated[int, Setting(offered=False)] = 0
    """How many documents to write with the generator of the embedded model's corpus."""
    generate: int = 0
    """Tokens to continue each prompt by before it is observed."""
    context: Annotated[int | None, Setting(least=1)] = None
    """Longest window of tokens in one forward pass; if nothing is said, what the model allows, at
    most 1,024."""
    max_tokens: int | None = None
    """Stop after this many tokens."""
    bos: Annotated[str, Setting(choices=lambda: tuple(BOS))] = "auto"
    """Whether a BOS token stands before every text; `auto`: as the model's tokenizer has it. Some
    SAEs were trained otherwise."""
    dtype: Annotated[str, Setting(choices=lambda: DTYPES)] = "float32"
    """How activations are stored."""
    chat: bool = False
    """Put each prompt into the tokenizer's chat template, as the user's message."""
    chat_template: str = ""
    """Which, where the tokenizer has several; its default one if none is named."""
    system: str = ""
    """What the system says before each prompt of a chat."""
    keep_special: bool = False
    """Of a chat: treat the special tokens of its template as text, which trainings learn from and
    figures count."""
    resume: bool = False
    """Go on with a capture that was interrupted, with the settings that it was begun with."""
    replace: bool = False
    """Put it in the place of an activation set, or of a capture that was interrupted, of that
    name."""

    @property
    def subject(self) -> str:
        return self.name

    @property
    def details(self) -> str:
        files = [*self.texts, *filter(None, (self.prompt_file, self.dataset))]
        source = f"{len(self.prompts)} prompts" if self.prompts else file_names(*files)
        return f"{file_names(self.model)} at {', '.join(self.sites)}, {source}"

    @property
    def set_names(self) -> list[str]:
        """The activation sets that it makes, one a site."""
        if len(self.sites) == 1:
            return [self.name]
        return [f"{self.name}.{site}" for site in self.sites]

    @property
    def chat_choice(self) -> ChatChoice:
        """How prompts are given to the model."""
        return chat_choice(chat=self.chat, template=self.chat_template, system=self.system)

    def makes(self, workspace: Workspace) -> set[Path]:
        return {workspace.activations(name) for name in self.set_names}

    def check(self, workspace: Workspace) -> None:
        checked_name(self.name)
        self._check_sites()
        prompts = self.prompts or self.prompt_file
        if sum(map(bool, (prompts, self.texts, self.dataset, self.demo_documents))) != 1:
            raise UserError(
                "A capture reads prompts, text or a data set, and exactly one of them.",
                "Give one of --prompts, --text and --dataset.",
            )
        if self.prompt_file is not None:
            read_prompts(Path(self.prompt_file))
        if self.chat_choice and not prompts:
            raise UserError(
                "Documents are read as they are: a chat template is for prompts.",
                "Leave out --chat, --chat-template and --system, or give --prompts.",
            )
        check_files(self.texts)
        for name, value in (("--max-tokens", self.max_tokens), ("--context", self.context)):
            if value is not None and value < 1:
                raise UserError(f"{name} must be at least 1, and is {value}.")
        if self.bos not in BOS:
            raise UserError(f"--bos is one of {', '.join(BOS)}, and not {self.bos!r}.")
        if self.generate < 0:
            raise UserError(f"--generate can't be negative, and is {self.generate}.")
        if self.resume:
            self._check_unchanged(workspace)
        elif not self.replace:
            self._check_new(workspace)

    def resumed_spec(self, workspace: Workspace) -> Self:
        """The capture from where it was saved last, from its sets if they were whole already, or
        from the beginning where there is neither yet."""
        has_record = read_record(workspace.capture(self.name)) is not None
        return msgspec.structs.replace(self, resume=has_record or self.is_made(workspace))

    def is_made(self, workspace: Workspace) -> bool:
        """Whether all its sets, or others of their names, are there."""
        return all(path.exists() for path in self.makes(workspace))

    def _check_unchanged(self, workspace: Workspace) -> None:
        """UserError, by the name of the flag, for a setting that is another than at the start."""
        record = read_record(workspace.capture(self.name))
        if record is None and self.is_made(workspace):
            return  # it was interrupted at its very end; the job compares what it made
        if record is None:
            raise UserError(
                f"There is nothing of a capture {self.name!r} to go on from.",
                "Capture without --resume.",
            )
        check_unchanged(self.name, capture_begun(record), self, MAY_CHANGE)

    def _check_new(self, workspace: Workspace) -> None:
        record = read_record(workspace.capture(self.name))
        if record is not None:
            raise UserError(
                f"{self.name} was begun before: {record.tokens:,} tokens are stored.",
                "Go on with it with --resume, or begin anew with --replace.",
            )
        for name in self.set_names:
            check_absent(workspace.activations(name))

    def _check_sites(self) -> None:
        if not self.sites:
            raise UserError("No site is named.", "Say where to look, such as --site resid_post.3.")
        for site in self.sites:
            parse_site(site)
        if len(set(self.sites)) < len(self.sites):
            raise UserError("A site is named twice.")


def capture_begun(record: CaptureRecord) -> Capture:
    """What a capture was begun with. UserError if this version can't understand it."""
    try:
        return msgspec.convert(record.about, Capture)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UserError(
            f"The unfinished capture can't be understood: {error}.", "Begin anew with --replace."
        ) from error
