"""`published`."""

from brainsurg_tui.commands.common import Common, wrong_usage
from engine.service import protocol as p


def published(
    model: str = "",
    *,
    release: str = "",
    common: Common = Common(),
) -> None:
    """List the SAEs and transcoders that are published for a model, or the models that have some.

    The list ships with Brain Surgery and needs no network; it says whose lists it is from, and of
    when. `brainsurg import-sae NAME RELEASE/ID` fetches one.

    Parameters
    ----------
    model
        A hub id, with the owner or without, or a folder with the model.
    release
        Show each SAE of this release, or of those whose names begin so.
    """
    if release and not model:
        wrong_usage("--release needs a model before it.")
    asked = p.GetPublished(model=p.absolute_source(model) if model else "")
    found = common.run(lambda client: client.ask(asked))
    if release:
        found = found.of_release(release)

    def show() -> None:
        from brainsurg_tui.commands.tables.published import show_published  # once wanted

        show_published(found, each=bool(release))

    common.print_result(found, show)
