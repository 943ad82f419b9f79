"""The engine as processes: protocol, daemon, workers, client."""
