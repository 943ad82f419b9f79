"""Two people talk, each line under its speaker's name."""

from engine.demo.corpus.vocabulary.facts import Record

RECORDS: dict[str, tuple[Record, ...]] = {}

RULES: dict[str, tuple[str, ...]] = {
    "dialogue": (
        "{greeting_exchange}\n{talk}\n{farewell_exchange}",
        "{greeting_exchange}\n{talk}\n{second_talk}",
        "{greeting_exchange}\n{talk}\n{second_talk}\n{farewell_exchange}",
    ),
    "first_speaker": ("{a=person}",),
    "speaker_a": ("{a}",),
    "speaker_b": ("{b}",),
    "greeting_exchange": (
        "{how_opening}\n{speaker_b}: {thanks:Thank you}, {a}, I'm {feeling}! And you?\n"
        "{speaker_a}: I'm {feeling} too.\n{speaker_b}: I'm glad to hear that, {a}.",
        "{how_opening}\n{speaker_b}: I'm {feeling}, {thanks:thanks}, {a}! How about you?\n"
        "{speaker_a}: A bit {emotion}, but {feeling}.\n{speaker_b}: I'm sure it will get better.",
        "{how_opening}\n{speaker_b}: {greeting}, {a}! I'm {feeling}, {thanks:thank you}.",
        "{plan_opening}\n{speaker_b}: {greeting}, {a}! I'm going to the {building}.",
        "{plan_opening}\n{speaker_b}: I want to play {sport} with my {family}.",
        "{lost_opening}\n{speaker_b}: Yes, {a}, it is in the {room}.\n"
        "{speaker_a}: Oh, {thanks:thank you} so much!\n{speaker_b}: You're welcome, {a}.",
        "{lost_opening}\n{speaker_b}: No, {a}, I'm sorry. Ask my {family}.",
        "{visit_opening}\n{speaker_b}: I'd love to, {a}! {question_word:When} shall I come?\n"
        "{speaker_a}: Come on {weekday} at {clock_time}.\n{speaker_b}: I'll be there!",
        "{visit_opening}\n{speaker_b}: I'm afraid I can't, {a}. I have {school_subject} on "
        "{weekday}.",
    ),
    "greeting": ("Hi", "Hello", "Hey", "Good morning", "Good evening"),
    "feeling": ("fine", "very well", "great", "quite well", "all right", "wonderful"),
    "how_opening": (
        "{first_speaker}: {greeting} {b=person}! {question_word:How} are you{question_mark:?}",
        "{first_speaker}: {greeting} {b=person}! {question_word:How} are you{question_mark:?}",
        "{first_speaker}: {greeting}, {b=person}! {question_word:How} do you feel this "
        "{time_of_day}{question_mark:?}",
        "{first_speaker}: {greeting}, {b=person}, {question_word:how} have you "
        "been{question_mark:?}",
    ),
    "plan_opening": (
        "{first_speaker}: {greeting} {b=person}! {question_word:What} are you doing on "
        "{weekday}{question_mark:?}",
        "{first_speaker}: {greeting}, {b=person}! {question_word:Where} are you "
        "going{question_mark:?}",
    ),
    "lost_opening": (
        "{first_speaker}: {greeting}, {b=person}! Have you seen my {object}{question_mark:?}",
        "{first_speaker}: {b=person}, do you know {question_word:where} my {garment} "
        "is{question_mark:?}",
    ),
    "visit_opening": (
        "{first_speaker}: {greeting} {b=person}! Would you like to come over for "
        "{food}{question_mark:?}",
        "{first_speaker}: {b=person}, shall we go to the {building} together{question_mark:?}",
    ),
    "talk": (
        "{speaker_a}: {question_word:What} did you have for breakfast{question_mark:?}\n"
        "{speaker_b}: I had {food} and a cup of {drink}.",
        "{speaker_a}: {question_word:How} was your {school_subject} lesson{question_mark:?}\n"
        "{speaker_b}: Not bad! We learned about {animal|plural}.",
        "{speaker_a}: Did you hear about my {relative=family}{question_mark:?}\n"
        "{speaker_b}: No, tell me!\n{speaker_a}: My {relative} bought {vehicle|a} in {town}.\n"
        "{speaker_b}: How exciting!",
        "{speaker_a}: I can't find my {colour} {garment} anywhere.\n"
        "{speaker_b}: Did you look in the {room}{question_mark:?}",
        "{speaker_a}: Guess {question_word:what}, I got {animal|a} for my birthday!\n"
        "{speaker_b}: Really? That's wonderful! {question_word:What} is its name{question_mark:?}\n"
        "{speaker_a}: I call it {person}.\n{speaker_b}: That is a lovely name.",
        "{speaker_a}: Do you still play the {instrument}{question_mark:?}\n"
        "{speaker_b}: Yes, every {weekday} with {person}.",
    ),
    "second_talk": (
        "{speaker_a}: By the way, do you like {food}{question_mark:?}\n"
        "{speaker_b}: I prefer {food}, to be honest.",
        "{speaker_a}: Let's meet at the {building} at {clock_time}.\n"
        "{speaker_b}: Good idea! I'll bring {food}.",
        "{speaker_a}: It's so {weather} today, isn't it{question_mark:?}\n"
        "{speaker_b}: Yes, I should have brought my {garment}.",
        "{speaker_a}: {question_word:Who} is coming to the party{question_mark:?}\n"
        "{speaker_b}: {person}, {person} and my {family}.",
        "{speaker_a}: Could you lend me your {object}{question_mark:?}\n"
        "{speaker_b}: Of course, {a}. Take it!",
        "{speaker_a}: I'm {emotion} about the {school_subject} test.\n"
        "{speaker_b}: Don't worry, {a}, you'll be fine.",
    ),
    "farewell_exchange": (
        "{speaker_a}: I have to go now. {farewell}, {b}!\n{speaker_b}: {farewell}, {a}!",
        "{speaker_a}: {farewell}, {b}, and say hello to your {family}!\n"
        "{speaker_b}: I will. {farewell}!",
        "{speaker_a}: {farewell}, {b}, let's meet again on {weekday}!\n{speaker_b}: See you!",
    ),
    "farewell": ("Goodbye", "Bye", "See you soon", "Take care"),
}
