"""The types along the two routes: frozen, fields only, made in one place each.

    JobRequest -> AuthorizedJob (agreement) -> ConsentedCohort (flow/cohort: consent)
               -> Matched (psi) -> Release | Refusal (disclosure)
    bytes -> ConsentEvent -> ConsentRecord -> stored + PendingEntry (one commit)
          -> IntegratedEntry (tlog) -> Receipt

A stage accepts only the type that the stage before it makes, so that skipping
the consent check does not type-check.
"""
