"""The types of number that a model can compute in, by name. Torch-free."""

AUTO = "auto"
MODEL_DTYPES = (AUTO, "float32", "bfloat16", "float16")
"""What can be asked for. `auto` is what is fast where the model runs, see
`engine.model.fast_dtype`."""


def dtype_to_ask_for(asked: str, recorded: str) -> str:
    """What a model is to be loaded in that is joined with activations, or an SAE, of its own.

    `asked`: what the user asks for; `recorded`: what the model computed in when those activations
    were made, empty where nobody wrote it down. What is asked for goes first.
    """
    return recorded if asked == AUTO and recorded in MODEL_DTYPES else asked


def other_dtype_note(name: str, recorded: str, now: str) -> str:
    """What to know where `name` is of a model that computed in `recorded`, and now it computes in
    another type; empty where it is the same, or not known."""
    if not recorded or not now or recorded == now:
        return ""
    return (
        f"{name} is of the model in {recorded}, which runs in {now} here: its activations differ by"
        " rounding."
    )
