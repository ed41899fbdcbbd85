"""Jobs that run again and again: when, under which terms, and what becomes of each due time."""
