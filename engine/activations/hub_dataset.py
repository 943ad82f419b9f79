"""Documents of a data set on the Hugging Face hub, streamed."""

from collections.abc import Iterator

from engine.activations.corpus import parse_document
from engine.errors import UserError


def stream_dataset(name: str) -> Iterator[str]:
    """The column `text` of the split `train` of a data set, row by row as it is downloaded.

    `name` is what `datasets.load_dataset` takes: a hub id, or a local folder. Blank texts and nulls
    are left out. Raises UserError without the `datasets` library or a network, for an unknown data
    set, and for a row that holds something else than text.
    """
    try:
        import datasets
    except ImportError:
        raise UserError(
            f"Reading the data set {name} needs the library datasets, which isn't installed.",
            "Install it with: pip install 'brainsurg[data]'.",
        ) from None
    try:
        rows = datasets.load_dataset(name, split="train", streaming=True)
        for number, row in enumerate(rows, 1):
            if "text" not in row:
                raise UserError(f"The data set {name} has no column text.")
            text = parse_document(row["text"], f"Row {number} of the data set {name}")
            if text.strip():
                yield text
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise UserError(f"The data set {name} can't be read: {error}") from error
