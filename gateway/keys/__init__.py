"""Custody of this party's keys: files under `$ASSENT_HOME/keys`, and what is done with them.

    agreement.key   Ed25519, PKCS8 PEM: cards, agreements, run records, exports
    log.key         Ed25519, PKCS8 PEM: checkpoints of the audit log
    token.key       Ed25519, PKCS8 PEM: tokens of the tenant port
    tls.key/.crt    ECDSA P-256, PKCS8 PEM / X.509 PEM: both ports
    local.key       32 bytes: subject_ref; never leaves the process
    wrap.key        32 bytes: wraps the data keys of sealed files (version 1; then wrap-2.key, ...)
    card.json       our signed card, as partners get it

Private files are 0600 in a 0700 folder, and refused when others can read them.
No method of this package returns a private key, but for the TLS key that gRPC
must be handed.
"""
