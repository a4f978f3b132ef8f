"""The whole as one command: settings, the command line, and `hedgerow up`."""
