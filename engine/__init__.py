"""Brain Surgery's engine: everything that is not a screen.

The rooms, in the order in which data flows: `model` turns text into numbers, `activations` keeps
what was observed, `sae` learns features from it, `features` shows what was learned,
`interventions` changes one and measures what follows. `workspace`, `jobs` and `service` hold it
all on disk and run it in processes of its own.
"""
