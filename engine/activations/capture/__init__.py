"""Running a model over prompts or text, and storing what is observed."""
