"""Options and arguments that several commands share, each with its help text.

What only one command has is told in that command's own docstring.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.types import PositiveInt

from engine.service.protocol import MODEL_DTYPES, QUANTISATIONS, filter_help, order_names

ActivationSet = Annotated[str, Parameter(help="The activation set.")]
SAE = Annotated[str, Parameter(help="The SAE.")]
ScannedSAE = Annotated[
    str, Parameter(help="The SAE; it is scanned first if that has not been done.")
]
Feature = Annotated[int, Parameter(help="The feature, by its number.")]
Model = Annotated[
    str, Parameter(help="A folder, a GGUF file, a hub id, or `demo` for the embedded model.")
]
MovedModel = Annotated[
    str | None,
    Parameter(help="The model that the activations are of, if it lies elsewhere now."),
]
SAEModel = Annotated[
    str | None,
    Parameter(
        help="The SAE's model, if it is called otherwise here, or lies elsewhere, than the SAE and"
        " its scan say."
    ),
]

if TYPE_CHECKING:
    _ModelDtype = str
    _Quantisation = str
    _Column = str
else:  # the choices, as the engine and the feature table's columns declare them
    _ModelDtype = Literal[MODEL_DTYPES]
    _Quantisation = Literal[QUANTISATIONS]
    _Column = Literal[tuple(order_names())]

ModelDtype = Annotated[
    _ModelDtype,
    Parameter(
        help="What the model computes in. `auto` is what it did when the SAE's activations were"
        " made; where that is not known, what is fast here."
    ),
]
Quantize = Annotated[
    _Quantisation,
    Parameter(
        help="What the model's weights are kept in: 8 bits (`int8`, `fp8`; needs torchao), or as"
        " its files have them (`none`). `auto` is what they were when the SAE's activations were"
        " made; else `none`."
    ),
]
DeviceMap = Annotated[
    str,
    Parameter(
        help="Spreads a model that is too large for one device over several (needs accelerate):"
        " `auto`, `balanced`, `balanced_low_0`, `sequential`, or a .json file of devices, `cpu` and"
        " `disk` by names of modules."
    ),
]
Prompts = Annotated[
    Path | None,
    Parameter(
        help='A file of prompts: .txt, .jsonl or .json; also of conversations: {"messages":'
        ' [{"role": "user", "content": "…"}]}.'
    ),
]
Chat = Annotated[
    bool,
    Parameter(help="Put each prompt into the tokenizer's chat template, as the user's message."),
]
ChatTemplate = Annotated[
    str,
    Parameter(help="Which, where the tokenizer has several; its default one if none is named."),
]
System = Annotated[str, Parameter(help="What the system says before each prompt of a chat.")]

By = Annotated[
    _Column,
    Parameter(
        help="What to order them by. `activity` is the mean over all tokens, the seed's own"
        " ranking."
    ),
]
Filter = Annotated[
    str,
    Parameter(help=f'Such as "density < 1e-3 max > 5 label ~ cit(y|ies)". {filter_help()}'),
]
Most = Annotated[PositiveInt, Parameter(help="How many features to show.")]
