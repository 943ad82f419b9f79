"""Which activations are sinks at the site of an SAE, as far as that is known (no torch here)."""

from engine.activations.store.row_summary import SinkRule
from engine.features.catalogue.catalogue import Catalogue
from engine.sae.formats.metadata import SAEMetadata


def known_sink_rule(metadata: SAEMetadata, catalogue: Catalogue | None) -> SinkRule | None:
    """The rule of the set that the SAE was scanned on or, if it has not been, of what it was
    trained on; None where neither was measured, as before sinks were known of."""
    summaries = [
        None if catalogue is None else catalogue.manifest.row_summary,
        metadata.row_summary,
    ]
    rules = [summary.rule for summary in summaries if summary is not None]
    return next((rule for rule in rules if rule is not None), None)
