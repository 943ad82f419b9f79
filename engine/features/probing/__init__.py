"""How well labels of texts can be told from features, beside what else tells them."""
