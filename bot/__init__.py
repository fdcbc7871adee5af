"""The process: settings, the command line, and the one place that knows every adapter."""
