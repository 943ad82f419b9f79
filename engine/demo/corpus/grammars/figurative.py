"""Figures of speech: metaphors, similes and conceits, addressed to somebody."""

from engine.demo.corpus.vocabulary.facts import Record

RULES: dict[str, tuple[str, ...]] = {
    "figurative": (
        "{opening} {simile} {metaphor} {vow}",
        "{opening} {metaphor} {simile}",
        "{opening} {simile} {second_simile} {vow}",
        "{opening} {metaphor} {vow}",
        "{opening} {second_simile} {metaphor} {simile}",
    ),
    "opening": (
        "{@conceits}If we were both {domain}, I'd say you're the {part} to my {whole}.",
        "{@conceits}If we were both {domain}, I'd say you're the {part} to my {whole}.",
        "{@conceits}If we were both {domain}, I'd be the {whole} to your {part}.",
        "{@conceits}{beloved}, if we were both {domain}, I'd say you're the {part} to my {whole}.",
        "{@conceits}If love were {domain}, you'd be the {part} and I'd be the {whole}.",
        "{@conceits}If you and {person} were {domain}, you'd be the {part} and {person} the "
        "{whole}.",
        "{beloved}, your {feature} is {likeness:like} {vehicle_of_figure}.",
        "{beloved}, you are the {flower} in my {landscape}.",
        "{beloved}, without you I'm {object|a} without {object|a}.",
    ),
    "beloved": ("My dear {person}", "Oh {person}", "Darling {person}", "My sweet {person}"),
    "feature": (
        "voice",
        "smile",
        "laughter",
        "heart",
        "silence",
        "kindness",
        "memory",
        "patience",
        "hope",
    ),
    "vehicle_of_figure": (
        "{season|a} {time_of_day} over the {landscape}",
        "{flower|a} that opens in the rain",
        "{colour|a} river of light",
        "{instrument|a} playing in an empty {building}",
        "{animal|a} that has learned to fly",
        "the last lamp in a sleeping town",
        "{material|a} bell under the snow",
        "honey on warm bread",
        "a lighthouse in my storm",
    ),
    "simile": (
        "Your {feature} is {likeness:like} {vehicle_of_figure}.",
        "Your {feature} falls on me {likeness:like} {vehicle_of_figure}.",
        "My {feature} without you is {likeness:like} {vehicle_of_figure}.",
        "You move through my days {likeness:like} {vehicle_of_figure}.",
    ),
    "second_simile": (
        "You are {likeness:as} {character_trait} {likeness:as} {animal|a} in {season}.",
        "My love is {likeness:as} deep {likeness:as} the {landscape} at night.",
        "Your eyes are {likeness:as} bright {likeness:as} {flower|plural} after rain.",
        "I am {likeness:as} {emotion} {likeness:as} {animal|a} without its {family}.",
    ),
    "metaphor": (
        "You are the {season} of my heart.",
        "My heart is {object|a}, and only you hold the key.",
        "Time is a thief, but you are my {material} treasure.",
        "Hope is {colour|a} {animal} that nests in your {feature}.",
        "Every word of yours is {flower|a} in my winter.",
        "You are the {instrument} and I am the song.",
        "Your {feature} is the bridge, and I am the river beneath it.",
        "The world is a stage, and your {feature} is its light.",
    ),
    "vow": (
        "I would cross a thousand {landscape|plural} for your {feature}.",
        "Let me be the {tree} that shelters your dreams.",
        "Until the stars forget to shine, I'll be your {object}.",
        "Without you, my days are empty pages.",
        "With you, even {weekday} tastes of {food}.",
    ),
}


def _conceits() -> tuple[Record, ...]:
    """Every ordered choice of two parts of one domain."""
    rows = """
code: syntax logic function loop variable comment compiler
music: melody rhythm chord harmony chorus silence
books: page story chapter cover title ending
the sea: wave shore tide anchor harbour salt
the sky: star moon cloud comet dawn horizon
a garden: rose soil rain root seed bee
a kitchen: salt pepper spoon bread butter flame
a train: wheel rail engine whistle ticket station
a theatre: stage curtain actor applause script light
mathematics: sum proof number equation variable answer
a house: door key window roof chimney lamp
a ship: sail wind compass mast captain rudder
a clock: hand hour spring second bell gear
a fire: spark ember wood smoke flame ash
a forest: leaf branch owl path moss root
painters: brush canvas colour frame shadow line
letters: ink paper envelope stamp word signature
chess: queen king pawn board knight move
a storm: thunder lightning rain wind cloud calm
coffee: cup sugar milk bean steam spoon
a mountain: summit path snow echo stone eagle
a river: bridge current stone bank source mouth
tailors: needle thread button cloth scissors seam
a circus: clown tent rope lion drum laughter
winter: snow fire coat frost blanket candle
a radio: voice signal antenna song noise dial
"""
    found: list[Record] = []
    for line in rows.strip().splitlines():
        domain, parts = line.split(":")
        words = parts.split()
        found += [{"domain": domain, "part": a, "whole": b} for a in words for b in words if a != b]
    return tuple(found)


RECORDS: dict[str, tuple[Record, ...]] = {"conceits": _conceits()}
