"""Programs whose runtime records what its page heap does."""
