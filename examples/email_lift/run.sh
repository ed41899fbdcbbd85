#!/usr/bin/env bash
# Two gateways on this machine measure what an e-mail campaign did, all through the command line.
#
#     run.sh --csv FILE --workdir DIR [--noise on|off] [--reverse] [--strangers N]
#
# FILE: a campaign's table with the columns segment, visit, conversion and spend. DIR: a new directory.
# The retailer mails and the partner is the shop; with --reverse the partner mails and the retailer is the shop. The
# retailer receives the statistics either way. --noise off: both sign for exact figures.
# N: customers of the shop who stand in no segment, by default 20000.
set -euo pipefail

sides=(retailer partner) legal_names=(仁里零售有限公司 平川数字平台有限公司)
# shellcheck source=examples/two_gateways.sh
source "$(dirname "${BASH_SOURCE[0]}")/../two_gateways.sh"
noise=on strangers=20000 reverse='' usage='--csv FILE --workdir DIR [--noise on|off] [--reverse] [--strangers N]'
read_options "$@"
[[ $noise == on || $noise == off ]] || wrong_usage
[[ -f $csv ]] || { echo "no such file: $csv" >&2; exit 2; }
csv=$(realpath "$csv")
control='No E-Mail'
in_new_folder "$workdir"

step 'inputs: customers and consent events of both companies, notices, the agreement to propose'
make_inputs --csv "$csv" --noise "$noise" --strangers "$strangers" ${reverse:+--reverse}

step 'homes, keys and two servers'
declare_data() {
    together \
        retailer dataset add customers --path "$work/retailer.csv" --subject-column customer_id \
        + partner dataset add customers --path "$work/partner.csv" --subject-column user_id
}
open_gateways

step 'cards, exchanged by file and fingerprint'
exchange_cards

step 'registries and notices'
register() { # SIDE: what it registers
    together \
        "$1" registry add-purpose campaign_measurement --text '衡量营销活动的效果' \
        + "$1" registry add-category phone_hash --text '手机号码的加密摘要' \
        + "$1" registry add-category shop_visit --text '活动期内是否到店或访问网站' \
        + "$1" registry add-category purchase --text '活动期内是否购买及消费金额' \
        + "$1" registry add-assessment lift-2026 --purpose campaign_measurement --recipient "$(other_side "$1")" \
        --method psi_hash --method he_aggregate \
        --approved-at 2026-01-05T09:00:00+08:00 --approver 'privacy office' \
        + "$1" notice create "$work/${1}_notice.json" \
        + "$1" notice publish lift --version 1 --at 2026-01-10T09:00:00+08:00 >/dev/null
}
on_both register

step 'one agreement, signed by both and bound on either side'
agree "$work/agreement_draft.json"
if [[ -n $reverse ]]; then mailer=partner shop=retailer; else mailer=retailer shop=partner; fi
ids() { if [[ $1 == retailer ]]; then echo customer_id; else echo user_id; fi; }
words=(agreement bind "$agreement" --dataset customers --match-key phone.e164=phone)
together \
    "$mailer" "${words[@]}" --subject-column "$(ids "$mailer")" --segment-column segment \
    + "$shop" "${words[@]}" --subject-column "$(ids "$shop")" \
    --column visit=visit --column conversion=conversion --column spend=spend

step 'consent events, both sides at a time'
on_both import_consents

step 'AGGREGATE'
"$mailer" job run AGGREGATE --agreement "$agreement" --purpose campaign_measurement \
    --column visit --column conversion --column spend --output json >"$work/$mailer/job.json"
job=$("$python" -c 'import json, sys; print(json.load(sys.stdin)["job"])' <"$work/$mailer/job.json")
if [[ -n $reverse ]]; then
    # The retailer answered, and learned the result: it reads its own job. Segments have numbers there, in the order
    # of their names; the names stay with the partner, who tells which number is the control.
    job=$(retailer job list --output json | "$python" -c 'import json, sys; print(json.load(sys.stdin)[0]["job"])')
    retailer job watch "$job" --output json >"$work/retailer/job.json"
    control=$("$python" -c 'import csv, sys; print(sorted({row["segment"] for row in csv.DictReader(open(sys.argv[1],
        encoding="utf-8"))}).index(sys.argv[2]) + 1)' "$work/partner.csv" "$control")
fi
retailer job result "$job" --control "$control" --output json >"$work/retailer/cells.json"
retailer agreement budget "$agreement" --output json >"$work/retailer/budget.json"
partner agreement budget "$agreement" --output json >"$work/partner/budget.json"
"$python" - "$work" <<'PY'
import json
import sys
from pathlib import Path

work = Path(sys.argv[1])
read = lambda name: json.loads((work / name).read_text(encoding="utf-8"))  # noqa: E731
rows = read("retailer/cells.json")
record = {
    "job": read("retailer/job.json"),
    "budget": {side: read(f"{side}/budget.json") for side in ("retailer", "partner")},
    "cells": [row for row in rows if row["against"] is None],
    "comparisons": [row for row in rows if row["against"] is not None],
}
(work / "result.json").write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
PY

step 'the truth, recomputed from the input files without our code'
"$python" "$here/check.py" "$work"
step "done; the files are in $work"
