"""The words of the corpus by what they are: every list is a rule of every grammar."""

from engine.demo.corpus.inflection import words

GIRLS = words("""
    Ada Agnes Alice Alma Amara Amelia Anna Astrid Aurora Beatrice Bella Bianca Carla Carmen Celia
    Chloe Clara Cora Daisy Dalia Diana Dora Edith Elena Eliza Ella Elsa Emilia Emma Erika Esther Eva
    Fatima Fiona Flora Freya Gemma Gloria Grace Greta Hana Hannah Hazel Heidi Helen Ida Ines Ingrid
    Iris Isla Ivy Jana Jasmine Joan Josie Julia June Karin Kira Lara Laura Leila Lena Lily Linda
    Lucia Lucy Luna Maia Mara Maria Marta Maya Mila Mira Molly Nadia Nina Nora Olga Olive Paula
    Pearl Petra Priya Rosa Ruby Ruth Sara Selma Sofia Stella Tamara Tara Tessa Thea Una Vera Viola
    Wanda Willa Yara Zara Zoe
""")
BOYS = words("""
    Aaron Adam Alan Albert Alex Amir Andre Anton Arthur Axel Ben Bob Bruno Carl Caspar Chen Colin
    Conrad Dan David Dennis Diego Edgar Edwin Elias Emil Eric Ethan Felix Finn Frank Fred Gabriel
    George Gilbert Gus Hamid Harry Hassan Henry Hugo Ian Igor Ivan Jack Jacob Jamal James Jan Jasper
    Joel John Jonas Joseph Karl Kenji Kevin Kurt Lars Leo Leon Louis Luca Lukas Magnus Marco Mark
    Martin Max Michael Milo Moses Nils Noah Oliver Omar Oscar Otto Owen Pablo Paul Pedro Peter
    Philip
    Quinn Ralph Ravi Rob Roman Rufus Sam Samuel Simon Stefan Sven Theo Thomas Tim Toby Tom Victor
    Viktor Walter Will Yusuf
""")
WORDS: dict[str, tuple[str, ...]] = {
    "person": (*GIRLS, *BOYS),
    "surname": words("""
        Abbott Adler Archer Baker Barlow Becker Bell Bennett Berg Bishop Blake Bloom Bright Brook
        Brown Carter Chapman Clark Cole Cooper Cross Dale Drake Ellis Evans Falk Fisher Ford Fox
        Frost Gale Garcia Gray Green Hall Hart Hayes Hill Holm Hunt Jansen Kaur Kelly King Klein
        Lake Lane Larsen Lee Lopez Marsh Mason Meyer Mills Moore Morgan Nash North Novak Olsen Park
        Patel Porter Reed Rossi Rowe Sato Shaw Silva Singh Stone Swift Tanaka Turner Vance Wade
        Walsh
        Ward Webb Weiss West White Winter Wolf Wood Young
    """),
    "town_start": words("""
        Alder Amber Ash Bell Birch Black Bramble Bright Clear Cold Copper Crow Dun East Elder Fair
        Fern Fox Glen Gold Green Grey Hart Hazel High Holly Iron Kings Lark Linden Long Maple Marsh
        Mill Moss New North Oak Old Raven Red Rose Silver South Stone Summer Swan Thorn West White
        Wild Willow Winter Wolf
    """),
    "town_end": words("""
        bank bridge brook burn bury combe dale field ford gate grove ham haven hill holm hurst land
        leigh moor mouth port ridge shore side stead stow ton vale water well wick wood worth
    """),
    "animal": words("""
        ant badger bat bear beaver bee beetle butterfly camel cat chicken cow crab crane cricket
        crocodile crow deer dog dolphin donkey dove duck eagle eel elephant falcon ferret finch fish
        fox frog gazelle giraffe goat goose hamster hare hawk hedgehog heron horse jackal kangaroo
        kitten koala ladybird lamb lion lizard lobster lynx magpie mole monkey moose moth mouse
        newt octopus otter owl ox panda parrot peacock pelican penguin pig pigeon pony puppy rabbit
        raccoon rat raven robin salmon seal shark sheep shrimp sloth snail snake sparrow spider
        squirrel stork swallow swan tiger toad trout turkey turtle walrus wasp weasel whale wolf
        worm wren zebra
    """),
    "object": words("""
        basket bell blanket book bottle bowl box broom bucket button candle chair clock coin comb
        cup envelope fan feather flag fork glove hammer hat jar jug kettle key kite
        knife ladder lamp lantern lens letter lock map marble mask mirror mug nail necklace needle
        net notebook oar painting pan parcel pebble pen pencil picture pillow pipe plate pot purse
        puzzle quilt ribbon ring rope rug saw scarf scroll shell shovel spoon stamp stool suitcase
        sword table teapot telescope thimble ticket torch towel toy trunk umbrella vase
        wallet watch wheel whistle
    """),
    "food": words("""
        apple_pie bacon beans beetroot bread butter cabbage cake carrots cheese cherries chestnuts
        chocolate cinnamon_rolls cookies corn cucumber curry dates dumplings eggs figs fried_fish
        garlic ginger grapes honey jam lemons lentils mango melon mushrooms noodles nuts olives
        onion_soup oranges pancakes pasta peaches pears peas pepper pickles plums porridge potatoes
        pumpkin_soup radishes raisins rice roast_chicken salad salt sausages soup spinach
        strawberries toast tomatoes walnuts
    """),
    "drink": words(
        "apple_juice coffee cocoa cold_water ginger_tea green_tea hot_chocolate lemonade milk "
        "mint_tea orange_juice tea"
    ),
    "tree": words(
        "alder apple_tree ash beech birch cedar cherry_tree chestnut cypress elm fir hazel larch "
        "lime maple oak olive_tree pear_tree pine poplar spruce walnut willow yew"
    ),
    "flower": words(
        "bluebell buttercup carnation cornflower crocus daffodil daisy dandelion foxglove geranium "
        "iris jasmine lavender lilac lily marigold orchid pansy peony poppy primrose rose snowdrop "
        "sunflower tulip violet"
    ),
    "colour": words(
        "amber black blue bronze brown crimson golden green grey indigo ivory orange pink purple "
        "red scarlet silver turquoise violet white yellow"
    ),
    "material": words(
        "brass clay copper cotton glass gold granite iron leather linen marble oak paper silk "
        "silver "
        "steel stone straw tin wood wool"
    ),
    "job": words("""
        actor architect astronaut baker barber blacksmith builder butcher captain carpenter chef
        clown cook dancer dentist detective doctor driver engineer farmer fisherman gardener guard
        judge king knight lawyer librarian lifeguard mechanic miller miner musician nurse painter
        pilot pirate plumber poet postman potter priest prince princess programmer queen robot
        sailor scientist shepherd singer soldier surgeon tailor teacher vampire waiter weaver wizard
        writer
    """),
    "building": words(
        "bakery bank barn bookshop bridge castle cathedral chapel church cinema factory harbour "
        "hospital hotel inn library lighthouse market mill museum palace post_office school stable "
        "station temple theatre tower town_hall university watermill windmill workshop"
    ),
    "landscape": words(
        "bay beach canyon cave cliff coast desert forest garden glacier grove heath hill island "
        "jungle lake marsh meadow moor mountain orchard pond prairie river shore spring stream "
        "valley volcano waterfall wood"
    ),
    "vehicle": words(
        "balloon barge bicycle boat bus canoe car carriage cart coach ferry lorry motorcycle plane "
        "raft sailing_boat ship sledge steamer taxi train tram van wagon"
    ),
    "garment": words(
        "apron belt blouse boots cap cape cardigan cloak coat dress gloves gown hat hood jacket "
        "jumper mittens pyjamas raincoat sandals scarf shawl shirt shoes skirt slippers socks "
        "trousers vest waistcoat"
    ),
    "instrument": words(
        "accordion banjo bassoon cello clarinet cymbals drums fiddle flute guitar harmonica harp "
        "horn lute mandolin oboe organ piano recorder saxophone trombone trumpet tuba viola violin"
    ),
    "weather": words(
        "cloudy cold cool damp dry foggy freezing frosty hot humid icy mild misty rainy snowy "
        "stormy "
        "sunny warm wet windy"
    ),
    "season": words("spring summer autumn winter"),
    "month": words(
        "January February March April May June July August September October November December"
    ),
    "weekday": words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    "time_of_day": words("morning afternoon evening night"),
    "emotion": words(
        "afraid amazed angry anxious ashamed bored brave calm cheerful confused curious delighted "
        "disappointed excited glad grateful happy hopeful jealous lonely nervous proud relieved "
        "sad "
        "shy sorry surprised thankful tired worried"
    ),
    "character_trait": words(
        "bold brave careful clever curious daring eager foolish friendly gentle greedy honest "
        "humble kind lazy little lonely loyal merry old patient poor proud quiet restless shy "
        "stubborn thoughtful wise young"
    ),
    "family": words(
        "aunt brother cousin daughter father grandfather grandmother mother nephew niece sister "
        "son "
        "uncle"
    ),
    "body_part": words(
        "ankle arm back cheek chin ear elbow eye finger foot hand head heel knee leg neck nose "
        "shoulder thumb toe tooth wrist"
    ),
    "room": words(
        "attic bathroom bedroom cellar dining_room garage hall kitchen living_room office pantry "
        "study"
    ),
    "school_subject": words(
        "algebra art biology chemistry drama geography geometry grammar history latin literature "
        "mathematics music physics poetry spelling"
    ),
    "sport": words(
        "archery badminton baseball basketball chess cricket cycling football golf gymnastics "
        "hockey "
        "judo rowing rugby running sailing skating skiing swimming table_tennis tennis volleyball"
    ),
    "magic": words(
        "charm crystal curse dragon dwarf elf enchanted_mirror fairy genie ghost giant goblin "
        "magic_ring magic_sword mermaid phoenix potion spell sorcerer talking_stone troll unicorn "
        "wand wishing_well witch"
    ),
    "number_word": words(
        "two three four five six seven eight nine ten eleven twelve thirteen fifteen twenty thirty "
        "forty fifty sixty"
    ),
    "letter": tuple("abcdefghijklmnopqrstuvwxyz"),
    "digit": words("2 3 4 5 6 7 8 9"),
    "number": tuple(str(n) for n in range(2, 100)),
    "year": tuple(str(year) for year in range(1605, 2021)),
    "clock_time": tuple(
        f"{h} o'clock" for h in words("one two three four five six seven eight nine ten")
    ),
}
