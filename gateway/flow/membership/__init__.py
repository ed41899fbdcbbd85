"""Who was in the cohort of a run: kept at its end, numbered behind it, proven when an officer asks.

    cohort file ─ keep ─ sealed references + salt ─ condense ─ bitmap over numbered people ─ prove ─ bundle

The bitmap is bound to the commitment that both parties signed: when it is made, and again for every proof, the
sorted tree is built from it and has to have the committed root.
"""
