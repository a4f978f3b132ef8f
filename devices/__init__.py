"""What a device is and what it says: model, metrics, topics, payload formats and the registry."""
