"""Homomorphic aggregation: packing of statistics, Paillier in phe's format, masked sums per segment.

Pure: bytes in, bytes out. Randomness that protects somebody is drawn here, from the operating system's generator only.
Modules are imported by name; `aggregate` runs in spawned processes.
"""
