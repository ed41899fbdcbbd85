"""Parts of bench/match.py."""
