"""Witnesses: partners cosign our log and we theirs, so that no log can show two histories unnoticed.

policy.py      whose cosignatures count
seeking.py     we ask partners to cosign
serving.py     partners ask us
comparing.py   what two partners hold of a third one's log
fork.py        a log that contradicts itself is put on record
receipt.py     an entry, its proof and a cosigned checkpoint
"""
