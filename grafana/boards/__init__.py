"""Our dashboards, one a module."""
