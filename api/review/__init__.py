"""Review: people take readings of a range out of the statistics, adjust values, and say how far a range is checked."""
