"""Stores of any size, filled with people who say what customers say."""
