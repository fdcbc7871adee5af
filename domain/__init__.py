"""What is true and what is allowed; no framework, no input or output."""
