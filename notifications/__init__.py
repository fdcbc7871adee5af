"""Ways out: words, and what carries them."""
