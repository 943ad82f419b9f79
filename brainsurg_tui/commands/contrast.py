"""`contrast`."""

from pathlib import Path

from cyclopts.types import NonNegativeInt

from brainsurg_tui.commands.common import Common, absolute, wrong_usage
from brainsurg_tui.commands.options import SAE, DeviceMap, ModelDtype, Most, Quantize, SAEModel
from brainsurg_tui.commands.progress import ask_with_progress
from engine.service import protocol as p


def contrast(
    sae: SAE,
    *,
    a: str | None = None,
    a_file: Path | None = None,
    b: str | None = None,
    b_file: Path | None = None,
    top: Most = 20,
    permutations: NonNegativeInt = 10_000,
    model: SAEModel = None,
    model_dtype: ModelDtype = "auto",
    quantize: Quantize = "auto",
    device_map: DeviceMap = "",
    common: Common = Common(),
) -> None:
    """Show which features tell one text, or file of texts, from another.

    Of two files with several texts each, every feature has a p-value beside it: how likely means as
    far apart are when the same texts are dealt out at random. q is the share of false discoveries
    among the features that are at least as unlikely (Benjamini and Hochberg).

    Parameters
    ----------
    a
        The one text.
    a_file
        Or a file of them: prompts, or a corpus (.txt, .jsonl, .json, .parquet, a folder).
    b
        The other text.
    b_file
        Or a file of them.
    permutations
        How often at most the texts of two files are dealt out at random; 0: never.
    """
    question = p.FindContrast(
        sae=sae,
        a=_text_source("a", a, a_file),
        b=_text_source("b", b, b_file),
        most=top,
        permutations=permutations,
        seed=common.seed,
        model=None if model is None else p.absolute_source(model),
        model_dtype=model_dtype,
        quantize=quantize,
        device_map=p.absolute_source(device_map),
        device=common.device,
    )
    found = common.run(lambda client: ask_with_progress(client, question))
    common.print_result(found)


def _text_source(side: str, text: str | None, file: Path | None) -> p.TextSource:
    if (text is None) == (file is None):
        wrong_usage(f"Give either --{side} or --{side}-file.")
    if file is not None:
        return p.TextSource(file=absolute(file))
    return p.TextSource(text=text or "")
