"""One file a kind of text: its RULES and RECORDS (see `engine.demo.corpus.grammar`)."""
