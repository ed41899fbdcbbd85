"""ECDH private set intersection as an OPRF (RFC 9497, mode 0x00): the sans-I/O part.

Suite ristretto255-SHA512, about 128-bit classical security under DDH; semi-honest
parties. It does not hide set sizes, does not stop a modified receiver from asking
about chosen persons, and recorded transcripts are not post-quantum.
"""
