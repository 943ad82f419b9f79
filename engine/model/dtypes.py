"""The types of number that a model can compute in, and that its weights can be kept in, by name.
Torch-free."""

AUTO = "auto"
MODEL_DTYPES = (AUTO, "float32", "bfloat16", "float16")
"""What can be asked for. `auto` is what is fast where the model runs, see
`engine.model.fast_dtype`."""

AS_STORED = "none"
QUANTISATIONS = (AUTO, AS_STORED, "int8", "fp8")
"""What can be asked for of weights: to be kept as the model's files have them, or in 8 bits, see
`engine.model.quantisation`. `auto` is what they were kept in when the activations were made that
the model is to be joined with, and else as its files have them."""


def dtype_to_ask_for(asked: str, recorded: str) -> str:
    """What a model is to be loaded in that is joined with activations, or an SAE, of its own.

    `asked`: what the user asks for; `recorded`: what the model computed in when those activations
    were made, empty where nobody wrote it down. What is asked for goes first.
    """
    return recorded if asked == AUTO and recorded in MODEL_DTYPES else asked


def quantisation_to_ask_for(asked: str, recorded: str) -> str:
    """The same of what its weights are to be kept in: one of `QUANTISATIONS`, but for `auto`.

    `recorded` may also be a type in which the model's files hold them, such as Q4_1: those are as
    they are.
    """
    if asked != AUTO:
        return asked
    return recorded if recorded in QUANTISATIONS[2:] else AS_STORED


def weights_words(dtype: str, quantisation: str) -> str:
    """In a few words how a model computes: `bfloat16, from weights in Q4_1`; empty: not known."""
    return f"{dtype}, from weights in {quantisation}" if dtype and quantisation else dtype


def other_dtype_note(name: str, recorded: str, now: str) -> str:
    """What to know where `name` is of a model that computed as `recorded`, and now it computes in
    another way, both as `weights_words`; empty where it is the same, or not known."""
    if not recorded or not now or recorded == now:
        return ""
    return (
        f"{name} is of the model in {recorded}, which runs in {now} here: its activations differ by"
        " rounding."
    )
