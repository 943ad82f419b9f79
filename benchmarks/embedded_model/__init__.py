"""Makes the embedded model of `engine/demo/model`, and measures it; nothing of it is installed."""
