"""What the field has published: which autoencoders there are for a model, and where. Torch-free.

`table.json` is made by `benchmarks.published` from lists of others, which it names and dates.
"""

from engine.sae.published.table import PublishedSAE, Release, Source, Table, published_table

__all__ = ["PublishedSAE", "Release", "Source", "Table", "published_table"]
