"""Jokes on request: a setup and a punch line about whoever was asked for."""

from engine.demo.corpus.vocabulary.facts import Record

RECORDS: dict[str, tuple[Record, ...]] = {}

RULES: dict[str, tuple[str, ...]] = {
    "joke": (
        "{opening}\n{setup_and_punch}",
        "{opening}\n{setup_and_punch}",
        "{opening}\n{setup_and_punch}\n{reaction}",
        "{opening}\n{bar_joke}",
        "{opening}\n{bar_joke}\n{reaction}",
        "{opening}\n{knock_joke}",
        "{opening}\n{robot_joke}\n{reaction}",
    ),
    "opening": (
        "Tell me a joke that would make even {butt=job|a} laugh.",
        "Tell me a joke that would make even {butt=animal|a} laugh.",
        "Tell me a joke that would make even {butt=magic|a} laugh.",
        "Tell me a joke about {butt=job|a} and {animal|a}.",
        "Tell me a joke about {butt=animal|a}.",
        "Tell {person} a joke about {butt=job|a}.",
        "Tell {person} a funny joke about {butt=animal|a}.",
        "Do you know the joke about the {butt=animal} and the {job}?",
        "Do you know any good jokes about {butt=job|a} for {person}?",
        "I need a joke about {butt=job|a} that makes {person} laugh.",
        "Have you heard the one about the {butt=job} and the {object}?",
    ),
    "setup_and_punch": (
        "{setup_mark:Why did} the {butt} bring {item=object|a} to the {building}?\n"
        "{punch_line_item}",
        "{setup_mark:Why did} the {butt} cross the {landscape}?\n{punch_line_cross}",
        "{setup_mark:Why did} the {butt} put {item=food} in the {room}?\n{punch_line_food}",
        "{setup_mark:What do you call} {butt|a} with {item=object|a} on its {body_part}?\n"
        "{punch_line_call}",
        "{setup_mark:What do you get} if you cross {butt|a} with {cross=animal|a}?\n"
        "{punch_line_mix}",
        "{setup_mark:How many} {butt|plural} does it take to change a light bulb?\n"
        "{punch_line_bulb}",
        "{setup_mark:Why was} the {butt} so {emotion}?\n{punch_line_why}",
    ),
    "punch_line_item": (
        "{because:Because} it heard the drinks were on the {item}!",
        "{because:Because} the {item} wanted to see the world!",
        "{because:Because} nobody told it the {item} could walk alone!",
    ),
    "punch_line_cross": (
        "{because:Because} the {animal} was on holiday!",
        "To get to the other {building}!",
        "{because:Because} its {vehicle} had gone home without it!",
    ),
    "punch_line_food": (
        "{because:Because} it wanted some {item} for thought!",
        "{because:Because} the kitchen was too hot for {item}!",
        "To teach the {item} some manners!",
    ),
    "punch_line_call": (
        "Anything you like, {because:because} it can't hear you!",
        "A very lost {butt}!",
        "Late for dinner!",
    ),
    "punch_line_mix": (
        "I don't know, but it always pays for the {food}!",
        "Something that wakes you up and then says sorry!",
        "A very confused {cross}!",
    ),
    "punch_line_bulb": (
        "Just one, but the bulb has to really want it!",
        "{number_word|capital}: one to hold the bulb and the rest to sing!",
        "None, {because:because} they love telling jokes in the dark!",
    ),
    "punch_line_why": (
        "{because:Because} all its problems had {number_word} legs!",
        "{because:Because} it took the {vehicle} for a walk and the dog to work!",
        "{because:Because} its {garment} told a better joke!",
    ),
    "robot_joke": (
        "{setup_mark:Why did} the robot go to the {building}?\n{punch_line_robot}",
        "{setup_mark:Why was} the robot so tired?\n{punch_line_tired}",
    ),
    "punch_line_robot": (
        "{because:Because} it had a screw loose!",
        "{because:Because} it needed to recharge its jokes!",
        "To get a little byte of {food}!",
    ),
    "punch_line_tired": (
        "{because:Because} it had a hard drive!",
        "{because:Because} it danced heavy metal all night!",
    ),
    "bar_joke": (
        "{butt|a|capital} walks into {building|a} and orders {food}. "
        '{opening_quote:"}{counter_speech}{closing_quote:"} says the waiter. '
        '{opening_quote:"}{punch_line_bar}{closing_quote:"} says the {butt}.',
        "{butt|a|capital} and {animal|a} walk into {building|a}. "
        '{opening_quote:"}{counter_speech}{closing_quote:"} asks the owner. '
        '{opening_quote:"}{punch_line_bar}{closing_quote:"} says the {butt}.',
    ),
    "counter_speech": (
        "Is this some kind of joke?",
        "Would you like {food} with that?",
        "We don't see many like you in here!",
        "That will be {number} dollars!",
    ),
    "punch_line_bar": (
        "At these prices, I'm not surprised!",
        "No, thanks, I'm only here for the {object}!",
        "Put it on my {family}'s bill!",
        "Not with my {body_part}, I'm driving!",
    ),
    "knock_joke": (
        "{setup_mark:Knock, knock.}\nWho's there?\n{guest=knocker|capital}.\n{guest|capital} who?\n"
        "{punch_line_knock}",
    ),
    "knocker": ("{animal}", "{food}", "{butt}", "{object}"),
    "punch_line_knock": (
        "{guest|capital} you going to let me in, or not?",
        "{guest|capital} be sorry if you don't open the door!",
        "{guest|capital} at the door, and it's {weather} out here!",
    ),
    "reaction": (
        "{laughter}! Even the {butt} had to laugh.",
        "{laughter}! That one never gets old.",
        "{laughter}! I told that one to {person}, and {person} cried.",
        "{laughter}! Sorry, I'll see myself out.",
    ),
    "laughter": ("Ha ha", "Ha ha ha", "Hee hee", "Ho ho ho"),
}
