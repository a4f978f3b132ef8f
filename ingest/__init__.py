"""The path of a reading: receive, collect, decode, resolve, check, encode, store, acknowledge."""
