"""Catalogues, and the tokens behind them, as the daemon opens them: the latest few stay open."""

import functools
from pathlib import Path

from engine.activations.store.tokens import TokenTable
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.catalogue.codes import Codes
from engine.features.text.catalogue_texts import CatalogueTexts
from engine.features.text.token_texts import TokenTexts
from engine.workspace.folders import Stamp, Workspace, stamp


def open_catalogue(workspace: Workspace, sae: str) -> Catalogue:
    """An SAE's catalogue. Raises UserError where there is none that can be read."""
    folder = workspace.existing_catalogue(sae)
    return _open_catalogue(folder, stamp(folder))


def open_tokens(workspace: Workspace, catalogue: Catalogue) -> TokenTable:
    """The tokens of the set that was scanned.

    Raises UserError where that is no longer there, or another has its name: the figures outlive it,
    and its texts do not.
    """
    name = catalogue.manifest.activations
    folder = workspace.activations(name)
    if not folder.exists():
        raise UserError(
            f"The activation set {name!r} that was scanned is deleted, and its texts with it.",
            "Capture the same texts under that name to see them again.",
        )
    tokens = _open_tokens(folder, stamp(folder))
    catalogue.check_scanned(tokens)
    return tokens


def open_codes(catalogue: Catalogue) -> Codes:
    """The codes that the scan kept. Raises UserError while it goes on."""
    if catalogue.codes is None:
        raise UserError(
            "The scan has not come to its end, and its codes are kept then.",
            "Wait for it, or go on with it by: brainsurg scan",
        )
    return catalogue.codes


def open_texts(workspace: Workspace, catalogue: Catalogue) -> TokenTexts:
    """The texts of the codes, token by token a row of these. Raises UserError."""
    open_codes(catalogue)
    tokens = open_tokens(workspace, catalogue)
    return _open_texts(
        catalogue.folder, stamp(catalogue.folder), tokens.folder, stamp(tokens.folder)
    )


def open_for_search(workspace: Workspace, catalogue: Catalogue) -> CatalogueTexts:
    """The texts around its features' examples. Those who need none do without the set."""
    folder, at = catalogue.folder, stamp(catalogue.folder)
    try:
        tokens = open_tokens(workspace, catalogue)
    except UserError:
        return _open_for_search(folder, at, None, None)
    return _open_for_search(folder, at, tokens.folder, stamp(tokens.folder))


@functools.lru_cache(maxsize=4)
def _open_catalogue(folder: Path, _: Stamp) -> Catalogue:
    return Catalogue.open(folder)


@functools.lru_cache(maxsize=4)
def _open_tokens(folder: Path, _: Stamp) -> TokenTable:
    return TokenTable.open(folder)


@functools.lru_cache(maxsize=1)  # some tens of bytes a token
def _open_texts(folder: Path, a: Stamp, tokens: Path, b: Stamp) -> TokenTexts:
    return TokenTexts.from_codes(_open_tokens(tokens, b), open_codes(_open_catalogue(folder, a)))


@functools.lru_cache(maxsize=1)  # they keep the text of the last that was searched
def _open_for_search(
    folder: Path, a: Stamp, tokens: Path | None, b: Stamp | None
) -> CatalogueTexts:
    table = None if tokens is None or b is None else _open_tokens(tokens, b)
    return CatalogueTexts(_open_catalogue(folder, a), table)
