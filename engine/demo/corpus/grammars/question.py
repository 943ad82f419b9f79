"""Questions of fact with their answers."""

from engine.demo.corpus.vocabulary.facts import COUNTRIES, ELEMENTS, SCIENTISTS, Record

RECORDS: dict[str, tuple[Record, ...]] = {
    "countries": COUNTRIES,
    "elements": ELEMENTS,
    "scientists": SCIENTISTS,
}

RULES: dict[str, tuple[str, ...]] = {
    "question": (
        "{capital_exchange}",
        "{capital_exchange}\n{second_exchange}",
        "{capital_exchange}\n{second_exchange}\n{second_exchange}",
        "{capital_exchange}\n{second_exchange}\n{second_exchange}\n{second_exchange}",
        "{other_exchange}",
        "{other_exchange}\n{second_exchange}",
    ),
    "capital_exchange": (
        "{@countries}{capital_opening}\n{capital_answer}",
        "{@countries}{capital_opening}\n{capital_answer}",
        "{@countries}{capital_opening}\n{capital_answer} {country_fact}",
    ),
    "second_exchange": (
        "{@countries}{country_question}",
        "{@countries}{country_question}",
        "{@countries}{capital_opening}\n{capital_answer}",
        "{@elements}{element_question}",
        "{@scientists}{scientist_question}",
        "{sum_question}",
        "{kind_question}",
    ),
    "other_exchange": (
        "{@countries}{country_question}",
        "{@elements}{element_question}",
        "{@scientists}{scientist_question}",
        "{kind_question}",
    ),
    "capital_opening": (
        "{question_word:What} is the capital of {country}{question_mark:?}",
        "{question_word:What} is the capital of {country}{question_mark:?}",
        "{question_word:What} is the capital of {country}{question_mark:?}",
        "{question_word:Which} city is the capital of {country}{question_mark:?}",
        "{question_word:What} is the name of the capital of {country}{question_mark:?}",
        "{question_word:What} is {country}'s capital{question_mark:?}",
        "{question_word:Which} city is the seat of government of {country}{question_mark:?}",
        "Can you tell {person} the capital of {country}{question_mark:?}",
        "{person} asks: {question_word:what} is the capital of {country}{question_mark:?}",
        "Question from {person}: {question_word:which} city is the capital of "
        "{country}{question_mark:?}",
        "Quiz for {person}: {question_word:what} is the capital of {country}{question_mark:?}",
    ),
    "capital_answer": ("The capital of {country} is {capital}.",),
    "country_fact": (
        "{country} lies in {continent}.",
        "People there speak {language}.",
        "{country} lies in {continent}, and its people speak {language}.",
        "The currency of {country} is the {currency}.",
    ),
    "country_question": (
        "{language_opening}\n{language_answer}",
        "{currency_opening}\n{currency_answer}",
        "{continent_opening}\n{continent_answer}",
    ),
    "language_opening": (
        "{asker}{question_word:What} language do people speak in {country}{question_mark:?}",
        "{asker}{question_word:Which} language is spoken in {country}{question_mark:?}",
    ),
    "language_answer": ("People in {country} speak {language}.",),
    "currency_opening": (
        "{asker}{question_word:What} is the currency of {country}{question_mark:?}",
        "{asker}{question_word:Which} money do people use in {country}{question_mark:?}",
    ),
    "currency_answer": ("The currency of {country} is the {currency}.",),
    "continent_opening": (
        "{asker}{question_word:Where} is {country}{question_mark:?}",
        "{asker}{question_word:On which} continent does {country} lie{question_mark:?}",
    ),
    "continent_answer": ("{country} lies in {continent}.",),
    "element_question": (
        "{symbol_opening}\n{symbol_answer}",
        "{atomic_opening}\n{atomic_answer}",
        "{element_opening}\n{element_answer}",
    ),
    "symbol_opening": (
        "{asker}{question_word:What} is the chemical symbol of {element}{question_mark:?}",
    ),
    "atomic_opening": (
        "{asker}{question_word:What} is the atomic number of {element}{question_mark:?}",
    ),
    "element_opening": (
        "{asker}{question_word:Which} element has the symbol {symbol}{question_mark:?}",
    ),
    "scientist_question": (
        "{who_opening}\n{who_answer}",
        "{when_opening}\n{when_answer}",
        "{field_opening}\n{field_answer}",
    ),
    "who_opening": ("{asker}{question_word:Who} gave us {discovery}{question_mark:?}",),
    "when_opening": (
        "{asker}{question_word:When} did {scientist} present {discovery}{question_mark:?}",
    ),
    "field_opening": ("{asker}{question_word:What} was the field of {scientist}{question_mark:?}",),
    "sum_question": (
        "{months_opening}\n{months_answer}",
        "{days_opening}\n{days_answer}",
        "{legs_opening}\n{legs_answer}",
    ),
    "months_opening": ("{asker}{question_word:How many} months are in a year{question_mark:?}",),
    "days_opening": ("{asker}{question_word:How many} days are in a week{question_mark:?}",),
    "legs_opening": ("{asker}{question_word:How many} legs does a spider have{question_mark:?}",),
    "kind_question": (
        "{animal_opening}\n{animal_answer}",
        "{tree_opening}\n{tree_answer}",
        "{flower_opening}\n{flower_answer}",
        "{instrument_opening}\n{instrument_answer}",
        "{vehicle_opening}\n{vehicle_answer}",
    ),
    "animal_opening": (
        "{asker}{question_word:What} kind of thing is {kind=animal|a}{question_mark:?}",
    ),
    "tree_opening": (
        "{asker}{question_word:What} kind of thing is {kind=tree|a}{question_mark:?}",
    ),
    "flower_opening": (
        "{asker}{question_word:What} kind of thing is {kind=flower|a}{question_mark:?}",
    ),
    "instrument_opening": (
        "{asker}{question_word:What} kind of thing is {kind=instrument|a}{question_mark:?}",
    ),
    "vehicle_opening": (
        "{asker}{question_word:What} kind of thing is {kind=vehicle|a}{question_mark:?}",
    ),
    "asker": ("", "", "{person} asks: ", "Question from {person}: ", "Quiz for {person}: "),
    "symbol_answer": ("The chemical symbol of {element} is {symbol}.",),
    "atomic_answer": ("The atomic number of {element} is {atomic_number}.",),
    "element_answer": ("The symbol {symbol} stands for {element}.",),
    "who_answer": ("{scientist} gave us {discovery}, in {discovery_year}.",),
    "when_answer": ("{scientist} presented {discovery} in {discovery_year}.",),
    "field_answer": ("The field of {scientist} was {field}.",),
    "months_answer": ("A year has twelve months.",),
    "days_answer": ("A week has seven days.",),
    "legs_answer": ("A spider has eight legs.",),
    "animal_answer": ("{kind|a|capital} is an animal.",),
    "tree_answer": ("{kind|a|capital} is a tree.",),
    "flower_answer": ("{kind|a|capital} is a flower.",),
    "instrument_answer": ("{kind|a|capital} is a musical instrument.",),
    "vehicle_answer": ("{kind|a|capital} is a vehicle.",),
}
