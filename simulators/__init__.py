"""A simulated county, replayed real records, and the ledger that proves what became of every message."""
