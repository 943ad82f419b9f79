"""Rules that several categories use."""

from engine.demo.corpus.inflection import words

RULES: dict[str, tuple[str, ...]] = {
    "town": ("{town_start}{town_end}",),
    "full_name": ("{person} {surname}",),
    "calling": words(
        "baker blacksmith carpenter cook driver farmer gardener guard librarian miller miner "
        "musician "
        "nurse painter pilot poet potter sailor shepherd singer soldier tailor teacher weaver "
        "writer"
    ),
    "thing": ("{colour} {object}", "{material} {object}", "{object}", "old {object}"),
    "count": ("{number_word}", "{number}"),
    "reporting_verb": ("said", "asked", "whispered", "called", "answered", "cried", "replied"),
}
