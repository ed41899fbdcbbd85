"""The routes, one file each, from a request at the top to its commit at the bottom."""
