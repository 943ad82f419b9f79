"""Files that people import, damaged or hostile in ways at random, through the real readers."""
