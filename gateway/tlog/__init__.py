"""The transparency log as pure functions: leaves, tree, tiles, notes, proofs, exports.

Nothing here reads a clock, a key store or a database. The store holds pending
leaves and tiles, asks `integrate` for the tiles that a batch changes, and signs
the new checkpoint; `verify/` checks the result without any of this code.

Formats: RFC 6962 (tree), and of C2SP: signed-note, tlog-checkpoint, tlog-tiles,
tlog-proof.
"""
