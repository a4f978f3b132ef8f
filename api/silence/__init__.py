"""The watch: looks at all devices every few seconds, gives each its state and tells what changed."""
