"""The concepts of the corpus: what a character of its text can truly be said to mean."""

CATEGORIES: tuple[str, ...] = (
    "story",
    "question",
    "code",
    "dialogue",
    "science",
    "joke",
    "figurative",
)
"""The seven kinds of text; `prose` stands between them."""

CONCEPTS: dict[str, str] = {
    "story": "a piece that is a fairy tale",
    "question": "a piece of questions of fact with their answers",
    "code": "a piece that is a request for a Python function, and the function",
    "dialogue": "a piece in which two people talk",
    "science": "a piece that explains as a textbook does",
    "joke": "a piece that is a request for a joke, and the joke",
    "figurative": "a piece of metaphors and similes",
    "prose": "a plain report of everyday life",
    "person": "a given name",
    "surname": "a family name",
    "town": "an invented town",
    "animal": "an animal",
    "object": "a thing that can be held or stands in a room",
    "food": "something to eat",
    "drink": "something to drink",
    "tree": "a tree",
    "flower": "a flower",
    "colour": "a colour",
    "material": "what things are made of",
    "job": "a profession or rank",
    "building": "a building",
    "landscape": "a feature of a landscape",
    "vehicle": "a vehicle",
    "garment": "something to wear",
    "instrument": "a musical instrument",
    "weather": "how the weather is",
    "season": "a season",
    "month": "a month",
    "weekday": "a day of the week",
    "time_of_day": "a part of the day",
    "clock_time": "an hour of the clock",
    "emotion": "how somebody feels",
    "character_trait": "how somebody is",
    "family": "a relative",
    "body_part": "a part of the body",
    "room": "a room of a house",
    "school_subject": "what is taught in school",
    "sport": "a sport",
    "magic": "a being or thing of magic",
    "number": "a number, in digits or words",
    "year": "a year",
    "letter": "a letter spoken of as such",
    "country": "a country",
    "capital": "the capital of a country",
    "continent": "a continent",
    "language": "the language of a country",
    "currency": "the money of a country",
    "element": "a chemical element",
    "chemical_symbol": "the symbol of an element",
    "scientist": "the name of a scientist",
    "discovery": "what a scientist gave us",
    "field": "a field of science",
    "theory": "what a theory is about",
    "explains": "what a theory explains",
    "quantity": "a physical quantity",
    "unit": "a physical unit",
    "particle": "a particle of matter or light",
    "scientific_instrument": "what a scientist measures with",
    "story_time": "once upon a time, long ago, …",
    "laughter": "ha ha",
    "feature": "what is praised in somebody",
    "conceit": "the domain of a conceit and its parts",
    "vehicle_of_figure": "what a simile compares with",
    "opening": "what a person would type to get the rest of a piece",
    "asker": "who asks a question, before it",
    "question_word": "what, which, who, where, when, how",
    "question_mark": "the mark behind a question",
    "answer": "the answer to a question of fact",
    "opening_quote": "the mark before speech",
    "closing_quote": "the mark behind speech",
    "speech": "what is said between quotation marks",
    "reporting_verb": "said, asked, whispered, …",
    "pronoun": "a pronoun of a story's hero",
    "moral_mark": "the words before a moral",
    "speaker": "the name before a line of dialogue",
    "greeting": "hello",
    "farewell": "goodbye",
    "thanks": "thank you",
    "connective": "therefore, however, for example, …",
    "consequence": "what follows from a theory",
    "setup_mark": "how the setup of a joke begins",
    "punch_line": "the punch line of a joke",
    "because": "the word because",
    "reaction": "what is said after a joke",
    "likeness": "like and as, where they compare",
    "beloved": "who is addressed in a figure of speech",
    "task": "what a function is asked to do",
    "keyword": "a keyword of Python",
    "operator": "an operator of Python",
    "indent": "the spaces before a line of Python",
    "function_name": "the name of a function",
    "parameter": "the parameter of a function, where it is declared",
    "docstring": "a docstring",
    "comment": "a comment",
    "string_literal": "a string literal",
    "list_literal": "a list literal",
    "usage": "a call of the function after its definition",
}
"""Each concept and what it means."""

_OF_SYMBOL: dict[str, str] = {
    "hero": "person",
    "he": "pronoun",
    "him": "pronoun",
    "his": "pronoun",
    "calling": "job",
    "number_word": "number",
    "digit": "number",
    "atomic_number": "number",
    "discovery_year": "year",
    "symbol": "chemical_symbol",
    "theory_field": "field",
    "instrument_of_science": "scientific_instrument",
    "hero_speech": "speech",
    "helper_speech": "speech",
    "counter_speech": "speech",
    "first_speaker": "speaker",
    "speaker_a": "speaker",
    "speaker_b": "speaker",
    "domain": "conceit",
    "part": "conceit",
    "whole": "conceit",
    "words_literal": "list_literal",
}
"""Rules and fields whose concept has another name than they."""

_OF_ENDING: dict[str, str] = {
    "_opening": "opening",
    "_answer": "answer",
}
_OF_BEGINNING: dict[str, str] = {"punch_line_": "punch_line"}


def concept_of(symbol: str) -> str | None:
    """The concept that everything written by a rule carries, or None."""
    if symbol in CONCEPTS:
        return symbol
    if symbol in _OF_SYMBOL:
        return _OF_SYMBOL[symbol]
    for ending, concept in _OF_ENDING.items():
        if symbol.endswith(ending):
            return concept
    for beginning, concept in _OF_BEGINNING.items():
        if symbol.startswith(beginning):
            return concept
    return None
