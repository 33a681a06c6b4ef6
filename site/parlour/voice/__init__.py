"""The sound of a message: formats, probing, storage, ranges; knows nothing of messages."""
