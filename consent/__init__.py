"""Consent under the Personal Information Protection Law (PIPL): the records and the rule.

Standard library only, no clock, no network, no database: whoever calls brings the
time and the records. Read `evaluate.may_use` first; it is the whole rule, step by
step, and everything else here is a noun that it speaks of.
"""
