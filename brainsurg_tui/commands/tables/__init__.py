"""How the command line shows what the engine answered: rich tables and lines of text.

Texts of users and models go in as `Text` made of visible characters, never as markup.
"""
