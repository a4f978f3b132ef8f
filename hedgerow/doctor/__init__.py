"""The doctor: what there is to know of an installation, and what somebody should do about it."""
