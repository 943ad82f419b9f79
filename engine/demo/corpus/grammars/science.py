"""Science as a textbook tells it: a claim, how it works, how it was found, what follows."""

from engine.demo.corpus.inflection import words
from engine.demo.corpus.vocabulary.facts import ELEMENTS, SCIENTISTS, Record

RULES: dict[str, tuple[str, ...]] = {
    "science": (
        "{theory_claim} {evidence} {method} {use}",
        "{theory_claim} {discoverer} {evidence} {use}",
        "{theory_claim} {method} {limit} {use}",
        "{study_claim} {method} {evidence} {limit}",
        "{element_claim} {element_property} {method} {use}",
        "{biology_claim} {biology_detail} {evidence} {limit}",
        "{measure_claim} {method} {limit} {use}",
    ),
    "theory_claim": (
        "{@theories}{theory_opening} {explains}.",
        "{@theories}{theory_opening} {explains}. {consequence}",
    ),
    "theory_opening": (
        "The theory of {theory} explains...",
        "The theory of {theory} explains...",
        "The theory of {theory} explains",
        "In {theory_field}, the theory of {theory} explains",
        "According to Professor {surname}, the theory of {theory} explains",
        "In {year}, Doctor {surname} wrote that the theory of {theory} explains",
        "At the University of {town}, students learn that the theory of {theory} explains",
    ),
    "study_claim": (
        "{study_opening} {animal|plural} can measure the {quantity} of {material}.",
        "{study_opening} {animal|plural} use the {quantity} of the air to find {food}.",
        "{study_opening} the {cause=quantity} of {material} depends on its {effect=quantity}.",
        "{study_opening} {tree|plural} and {flower|plural} exchange carbon through their roots.",
    ),
    "study_opening": (
        "Scientists at the University of {town} have shown that",
        "In {year}, researchers from {town} discovered that",
        "A study of {number} {animal|plural} by Doctor {surname} suggests that",
        "Experiments in the laboratory of {full_name} show that",
    ),
    "element_claim": (
        "{@elements}{element_opening} atomic number {atomic_number} and the symbol {symbol}.",
        "{@elements}{element_opening} the symbol {symbol}, and its nucleus holds {atomic_number} "
        "protons.",
    ),
    "element_opening": (
        "The chemical element {element} has",
        "In the periodic table, {element} has",
        "Doctor {surname} explains that the element {element} has",
        "Chemists from {town} remind us that {element} has",
    ),
    "element_property": (
        "Its atoms form {number_word} bonds when heated to {number} {unit}.",
        "At a pressure of {number} {unit}, it changes its {quantity}.",
        "Its {quantity} can be calculated from the number of electrons.",
    ),
    "biology_claim": (
        "{biology_opening} live in the {landscape} and feed on {animal|plural}.",
        "{biology_opening} have evolved to survive in {weather} climates.",
        "{biology_opening} share a common ancestor with {animal|plural}.",
    ),
    "biology_opening": (
        "Biologists from {town} observed that {animal|plural}",
        "According to the biologist {full_name}, {animal|plural}",
        "In the field notes of Doctor {surname}, {animal|plural}",
    ),
    "biology_detail": (
        "Their cells turn sugar into energy with the help of oxygen.",
        "The length of their {body_part} varies with the {quantity} of the water.",
        "Natural selection favours individuals with a larger {body_part}.",
    ),
    "measure_claim": (
        "{measure_opening} {number} {unit}, which follows from its {quantity}.",
        "{measure_opening} roughly {number} {unit} at sea level.",
    ),
    "measure_opening": (
        "The {quantity} of {material|a} sphere measured by Doctor {surname} is",
        "In the laboratory of {town}, the {quantity} of {material} is",
        "Measured in {year}, the {quantity} of the {material} sample from {town} is",
    ),
    "discoverer": (
        "{@scientists}{scientist}, who presented {discovery} in {discovery_year}, prepared the "
        "way.",
        "{@scientists}It builds on {discovery}, which {scientist} described in {discovery_year}.",
    ),
    "evidence": (
        "{connective:Therefore}, the {first=quantity} increases with the {second=quantity}.",
        "{connective:As a result}, the {quantity} falls by {number} percent.",
        "{connective:However}, the {quantity} remains constant over time.",
        "Measurements in {year} confirmed this to within {number} {unit}.",
        "{connective:In other words}, energy is neither created nor destroyed.",
    ),
    "method": (
        "To test this, physicists measure the {quantity} of {material} "
        "with {instrument_of_science|a}.",
        "Using {instrument_of_science|a}, researchers compared {number} samples of {material}.",
        "The effect was first observed in {year} with {instrument_of_science|a}.",
        "Computer models predict the {quantity} of {number} {particle|plural}.",
    ),
    "limit": (
        "{connective:However}, the {quantity} of each {particle} is still unknown.",
        "The cause is not fully understood, but the {quantity} may play a role.",
        "{connective:For example}, {number} {unit} of {material} contain billions of "
        "{particle|plural}.",
        "The hypothesis fails when the {quantity} exceeds {number} {unit}.",
    ),
    "use": (
        "{connective:For this reason}, engineers use {material} in every {instrument_of_science}.",
        "Today the same principle explains the {quantity} of stars and galaxies.",
        "{connective:Thus}, the equation links {left=quantity} and {right=quantity}.",
        "This law holds for every {particle} in the universe.",
    ),
    "quantity": words(
        "temperature pressure density mass velocity charge energy frequency wavelength volume "
        "momentum acceleration conductivity entropy viscosity brightness"
    ),
    "unit": words(
        "metres kilograms seconds kelvin volts amperes joules watts newtons hertz litres pascals "
        "kilometres grams degrees"
    ),
    "particle": words("electron proton neutron photon atom molecule neutrino quark ion"),
    "instrument_of_science": words(
        "microscope spectrometer thermometer barometer detector laser centrifuge balance "
        "interferometer satellite magnetometer"
    ),
}


_THEORIES = """
relativity, physics
    how space and time bend around matter
    Clocks run slower near a heavy star.
gravitation, physics
    how masses attract each other
    The same force holds the Moon and a falling apple.
evolution, biology
    how species change over many generations
    Small differences add up over time.
plate tectonics, geology
    how continents drift over the mantle
    Mountains rise where two plates collide.
electromagnetism, physics
    how electric and magnetic fields create light
    A changing field drives a current.
thermodynamics, physics
    how heat flows from warm bodies to cold ones
    No engine can use all of its heat.
heredity, biology
    how parents pass traits to their offspring
    Each trait is carried by pairs of genes.
natural selection, biology
    how useful traits become common
    Those that fit their surroundings survive.
quantum mechanics, physics
    how particles behave like waves
    A measurement changes what is measured.
atomic structure, chemistry
    how electrons surround a small nucleus
    Most of an atom is empty space.
chemical bonding, chemistry
    how atoms share their electrons
    Strong bonds store more energy.
photosynthesis, biology
    how plants turn light into sugar
    Leaves are green because of chlorophyll.
osmosis, biology
    how water moves through a membrane
    Roots drink water in this way.
planetary motion, astronomy
    how planets move in ellipses around the Sun
    Near the Sun a planet moves faster.
stellar evolution, astronomy
    how stars are born and how they die
    Heavy stars end as supernovae.
the expanding universe, astronomy
    how galaxies move away from each other
    Their light is shifted to the red.
acids and bases, chemistry
    how solutions exchange protons
    Together they form salt and water.
combustion, chemistry
    how fuel reacts with oxygen
    The reaction sets heat free.
magnetism, physics
    how moving charges create magnetic fields
    A compass needle turns to the north.
germs, medicine
    how tiny organisms cause disease
    Clean hands prevent many infections.
immunity, medicine
    how the body remembers its enemies
    A vaccine trains this memory.
glaciers, geology
    how ice carves valleys into rock
    Old valleys have the shape of a bowl.
sound, physics
    how vibrations travel through air
    In empty space there is no sound.
optics, physics
    how lenses bend rays of light
    A prism splits white light into colours.
ocean currents, geology
    how warm water travels around the globe
    Currents carry heat to the north.
"""


def _theories() -> tuple[Record, ...]:
    """Each theory, its field, what it explains and what follows from it."""
    lines = [line.strip() for line in _THEORIES.strip().splitlines()]
    records = []
    for head, explains, consequence in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        theory, field = head.split(", ")
        records.append(
            {
                "theory": theory,
                "theory_field": field,
                "explains": explains,
                "consequence": consequence,
            }
        )
    return tuple(records)


RECORDS: dict[str, tuple[Record, ...]] = {
    "theories": _theories(),
    "elements": ELEMENTS,
    "scientists": SCIENTISTS,
}
