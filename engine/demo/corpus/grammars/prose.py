"""Plain prose: unremarkable reports of everyday life, which stand between the other texts."""

from engine.demo.corpus.vocabulary.facts import Record

RECORDS: dict[str, tuple[Record, ...]] = {}

RULES: dict[str, tuple[str, ...]] = {
    "prose": (
        "{opening_sentence} {weather_report} {errand} {traffic}",
        "{opening_sentence} {errand} {work} {household}",
        "{opening_sentence} {traffic} {weather_report}",
        "{opening_sentence} {household} {errand}",
        "{opening_sentence} {work} {weather_report} {household}",
    ),
    "opening_sentence": (
        "{prose_opening} the {building} in {town} was closed for repairs.",
        "{prose_opening} the {building} of {town} opened its doors to {number} visitors.",
        "{prose_opening} {full_name} bought {thing|a} at the market.",
        "{prose_opening} the council of {town} met to discuss the {building}.",
        "{prose_opening} {colour|a} {vehicle} stopped in front of the {building}.",
        "{prose_opening} {full_name} painted the {room} {colour}.",
    ),
    "prose_opening": (
        "On {weekday} {time_of_day}",
        "In {month}",
        "Last {weekday}",
        "At {clock_time} on {weekday}",
        "In the {season} of {year}",
        "Early in {month}",
    ),
    "weather_report": (
        "The weather was {weather} and the streets were quiet.",
        "It had been {weather} since {weekday}, as usual in {month}.",
        "By {clock_time} it was {weather} and rather {weather}.",
        "The forecast for {weekday} was {weather}.",
    ),
    "errand": (
        "Mrs {surname} went to the {building} to buy {food} and {food}.",
        "Mr {surname} returned {number_word} books to the library.",
        "The {surname} family ordered {number} boxes of {food}.",
        "A neighbour carried {object|a} and {object|a} up the stairs.",
        "The shop had {number} {object|plural} in {colour} and {colour}.",
    ),
    "traffic": (
        "The {vehicle} to {town} left at {clock_time}.",
        "There were {number} passengers on the {vehicle}.",
        "The road between {town} and {town} was being widened.",
        "{vehicle|a|capital} was parked beside the {building}.",
    ),
    "work": (
        "The {calling} repaired the {material} door of the {building}.",
        "At the office, Mr {surname} filed {number} letters.",
        "Mrs {surname} has worked as {calling|a} since {year}.",
        "The {calling} and the {calling} shared a room above the {building}.",
    ),
    "household": (
        "In the {room} stood {material|a} table with {number_word} {object|plural}.",
        "Dinner was {food} with {food}, followed by {drink}.",
        "The {garment} was washed and hung in the {room}.",
        "There was {thing|a} on the shelf in the {room}.",
        "The {room} was swept before {time_of_day}.",
    ),
}
