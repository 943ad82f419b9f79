"""How a word changes with its place in an English sentence."""

_IRREGULAR = {
    "child": "children",
    "man": "men",
    "woman": "women",
    "mouse": "mice",
    "goose": "geese",
    "wolf": "wolves",
    "calf": "calves",
    "leaf": "leaves",
    "loaf": "loaves",
    "knife": "knives",
    "shelf": "shelves",
    "sheep": "sheep",
    "fish": "fish",
    "deer": "deer",
    "salmon": "salmon",
    "trout": "trout",
    "foot": "feet",
    "tooth": "teeth",
    "ox": "oxen",
    "volcano": "volcanoes",
    "thief": "thieves",
}


def words(text: str) -> tuple[str, ...]:
    """The words between the spaces of `text`; an underscore stands for a space inside one."""
    return tuple(word.replace("_", " ") for word in text.split())


def with_article(noun: str) -> str:
    """`noun` behind `a` or `an`, by its first letter but for a few that sound otherwise."""
    vowel = noun[0].lower() in "aeiou" and not noun.lower().startswith(("uni", "use", "eu", "one"))
    return f"{'an' if vowel else 'a'} {noun}"


def with_capital(text: str) -> str:
    """`text` as a sentence begins."""
    return text[0].upper() + text[1:]


def with_plural(noun: str) -> str:
    """The plural of an English noun; of several words the last one changes."""
    head, space, last = noun.rpartition(" ")
    if last in _IRREGULAR:
        plural = _IRREGULAR[last]
    elif last.endswith(("s", "x", "z", "ch", "sh")):
        plural = last + "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        plural = last[:-1] + "ies"
    else:
        plural = last + "s"
    return head + space + plural
