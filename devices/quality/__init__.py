"""Quality: rules that tell which readings are doubtful, each a function over whole arrays."""
