"""The synthetic corpus: grammars that write text and know what every character of it means."""
