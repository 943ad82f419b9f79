"""The seven prompts of the study that this program grew from."""

SEED_PROMPTS: tuple[tuple[str, str], ...] = (
    ("Once upon a time in a distant land", "story"),
    ("What is the capital of France?", "question"),
    ("Write a Python function to reverse a string.", "code"),
    ("Alice: Hi Bob! How are you?", "dialogue"),
    ("The theory of relativity explains...", "science"),
    ("Tell me a joke that would make even a robot laugh.", "joke"),
    ("If we were both code, I'd say you're the syntax to my logic.", "figurative"),
)
"""(prompt, category of text that it asks for) pairs, in the order of the study."""
