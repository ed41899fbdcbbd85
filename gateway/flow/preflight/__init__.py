"""Before a run: what a data set holds, whether a job would run, and what it would take. Nothing leaves the house."""
