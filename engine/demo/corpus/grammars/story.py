"""Fairy tales: someone wants something, meets trouble, is helped, and ends wiser."""

from engine.demo.corpus.vocabulary.facts import PEOPLE, Record

RECORDS: dict[str, tuple[Record, ...]] = {"people": PEOPLE}

RULES: dict[str, tuple[str, ...]] = {
    "story": (
        "{@people}{first} {wish} {departure} {trouble} {meeting} {plea} {gift} {turn} {ending}",
        "{@people}{first} {habit} {wish} {departure} {meeting} {plea} {gift} {ending} {moral}",
        "{@people}{first} {habit} {trouble} {departure} {meeting} {plea} {turn} {ending}",
        "{@people}{first} {wish} {departure} {meeting} {gift} {turn} {ending} {moral}",
        "{@people}{first} {habit} {departure} {meeting} {plea} {gift} {turn} {ending} {moral}",
    ),
    "first": (
        "{opening}, there lived {character_trait|a} {calling} named {hero}.",
        "{opening}, {character_trait|a} {calling} called {hero} lived in {home}.",
        "{opening}, there was {character_trait|a} {calling} whose name was {hero}.",
        "{opening}, {hero} the {calling} lived with {his} {family} in {home}.",
        "{opening}, there lived {character_trait|a} {animal} and {character_trait|a} {calling} "
        "named {hero}.",
    ),
    "opening": (
        "{story_time} in a distant land",
        "{story_time} in {far} {realm}",
        "{story_time} in {far} {realm} by the {landscape}",
        "{story_time} in the {realm} of {town}",
        "{story_time} near the {landscape} of {town}",
        "{story_time} beyond the {colour} {landscape|plural}",
        "{story_time} at the edge of {far} {landscape}",
        "{story_time} between {number_word} {landscape|plural}",
        "{story_time} high above the {landscape} of {town}",
        "{story_time} in {material|a} {building} by the {landscape}",
    ),
    "story_time": (
        "Once upon a time",
        "Once upon a time",
        "Long ago",
        "Many years ago",
        "A long, long time ago",
        "In the days of old",
        "One {season}, long ago",
    ),
    "far": ("a distant", "a faraway", "a forgotten", "a hidden", "a quiet", "a small", "a great"),
    "realm": ("land", "kingdom", "village", "valley", "country", "town", "island"),
    "home": (
        "{material|a} house",
        "{colour|a} cottage",
        "a hut under {tree|a}",
        "an old {building}",
        "a house by the {landscape}",
        "a tiny room above the {building}",
    ),
    "habit": (
        "Every {time_of_day} {he} walked to the {landscape} to feed the {animal|plural}.",
        "Each {season} {he} planted {flower|plural} beside the {building}.",
        "{he|capital} loved {food} more than anything in the world.",
        "All day {he} worked in the {building}, and at night {he} played the {instrument}.",
        "Nobody in the {realm} could mend {object|a} as well as {hero}.",
        "{he|capital} kept {animal|a} and {number_word} {animal|plural} in the garden.",
    ),
    "wish": (
        "{hero} dreamed of finding {magic|a}.",
        "More than anything, {hero} wished to see the {landscape} of {town}.",
        "One {time_of_day} {he} heard of {treasure=thing|a} hidden near the {landscape}.",
        "{hero} wanted to become {calling|a} like {his} {family}.",
        "But {hero} was {emotion}, for {he} had lost {his} {treasure=thing}.",
        "Deep in {his} heart, {hero} longed for a friend.",
    ),
    "departure": (
        "So one {time_of_day} {he} put on {his} {garment} and set out for the {landscape}.",
        "At dawn {hero} packed {food} and {thing|a} and left the {realm}.",
        "So {he} took {his} {object} and followed the road to {town}.",
        "One {weather} {time_of_day}, {hero} climbed into {vehicle|a} and rode away.",
        "Then {hero} said goodbye to {his} {family} and walked into the {landscape}.",
    ),
    "trouble": (
        "On the way a storm broke, and {he} lost {his} {garment}.",
        "But {magic|a} guarded the bridge and let nobody pass.",
        "Soon {he} was lost among the {tree|plural}, {emotion} and hungry.",
        "Suddenly {character_trait|a} {magic} jumped out from behind {tree|a}.",
        "But the {landscape} was wide, and night was falling.",
        "There a wicked {magic} had locked the gate with {number_word} keys.",
    ),
    "meeting": (
        "There {he} met {helper_trait=character_trait|a} {helper=animal}.",
        "Under {tree|a} sat {helper_trait=character_trait|a} {helper=magic}.",
        "Beside the {landscape} {he} found {helper=animal|a} caught in a net.",
        "After {number_word} days {he} came upon {helper=animal|a} with {material|a} crown.",
        "By the {building} stood {helper=magic|a} with {colour} eyes.",
    ),
    "plea": (
        '{opening_quote:"}{helper_speech}{closing_quote:"} {reporting_verb} the {helper}.',
        '{opening_quote:"}{hero_speech}{closing_quote:"} {reporting_verb} {hero}, and the {helper} '
        "nodded.",
        '{hero} bowed and {reporting_verb}, {opening_quote:"}{hero_speech}{closing_quote:"}',
        "The {helper} looked at {him} and {reporting_verb}, "
        '{opening_quote:"}{helper_speech}{closing_quote:"}',
    ),
    "hero_speech": (
        "Why do you look so {emotion}?",
        "Please show me the way to the {landscape}!",
        "Can you help me to find {thing|a}?",
        "Will you share my {food} with me?",
        "I have walked for {number_word} days, and I am so tired!",
    ),
    "helper_speech": (
        "Help me, and I will give you {thing|a}!",
        "Why do you look so {emotion}?",
        "I have waited {number_word} years for you!",
        "Do not be {emotion}, little friend!",
        "Share your {food} with me, and I will show you the way!",
        "Only {character_trait|a} heart can open the {building}!",
    ),
    "gift": (
        "Then the {helper} gave {him} {thing|a} that shone like the moon.",
        "The {helper} showed {him} a secret path through the {landscape}.",
        "Together they crossed the {landscape} and found {magic|a}.",
        "In return for {food}, the {helper} taught {him} a song.",
        "The {helper} carried {him} over the {landscape} to {town}.",
    ),
    "turn": (
        "With it {hero} opened the {building} and set the {animal|plural} free.",
        "When the {magic} saw this, it grew {emotion} and ran away.",
        "At last {hero} found what {he} was looking for: {thing|a}.",
        "{hero} shared the {food} with everyone, and the spell was broken.",
        "From that day the {landscape} was full of {flower|plural} again.",
    ),
    "ending": (
        "{hero} went home {emotion}, and {he} never felt lonely again.",
        "And {hero} and the {helper} lived happily ever after.",
        "The people of {town} danced for {number_word} days and {number_word} nights.",
        "So {hero} became the most famous {calling} in the {realm}.",
        "And if they have not moved away, they still live by the {landscape}.",
    ),
    "moral": (
        "{moral_mark:The moral of the story}: {character_trait|a} friend is worth more than "
        "{material}.",
        "{moral_mark:And so they learned} that kindness always comes back.",
        "{moral_mark:The moral of the story}: even {animal|a} can help {magic|a}.",
        "{moral_mark:And so they learned} that the {character_trait} and the {character_trait} "
        "must "
        "stand together.",
    ),
}
