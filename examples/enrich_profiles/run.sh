#!/usr/bin/env bash
# Two gateways on this machine enrich a retailer's customers from a partner's, all through the command line.
#
#     run.sh --csv FILE --workdir DIR [--strangers N]
#
# FILE: a customer table with the columns history_segment, channel and recency. DIR: a new directory.
# N: customers of the partner who are no customers of the retailer, by default 20000.
set -euo pipefail

sides=(retailer partner) legal_names=(仁里零售有限公司 平川数字平台有限公司)
# shellcheck source=examples/two_gateways.sh
source "$(dirname "${BASH_SOURCE[0]}")/../two_gateways.sh"
strangers=20000 usage='--csv FILE --workdir DIR [--strangers N]'
read_options "$@"
[[ -f $csv ]] || { echo "no such file: $csv" >&2; exit 2; }
csv=$(realpath "$csv")
in_new_folder "$workdir"

step 'inputs: customers and consent events of both companies'
make_inputs --csv "$csv" --strangers "$strangers"

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
        "$1" registry add-purpose profile_enrichment --text '补全会员档案' \
        + "$1" registry add-category phone_hash --text '手机号码的加密摘要' \
        + "$1" registry add-category spending_band --text '年度消费区间' \
        + "$1" registry add-category preferred_channel --text '常用渠道' \
        + "$1" registry add-category purchase_recency --text '最近一次购买距今月数' \
        + "$1" registry add-assessment enrichment-2026 --purpose profile_enrichment --recipient "$(other_side "$1")" \
        --approved-at 2026-01-05T09:00:00+08:00 --approver 'privacy office' \
        + "$1" notice create "$here/${1}_notice.json" \
        + "$1" notice publish enrichment --version 1 --at 2026-01-10T09:00:00+08:00 >/dev/null
}
on_both register

step 'one agreement, signed by both and bound on either side'
agree "$here/agreement_draft.json"
together \
    retailer agreement bind "$agreement" --dataset customers --subject-column customer_id --match-key phone.e164=phone \
    + partner agreement bind "$agreement" --dataset customers --subject-column user_id --match-key phone.e164=phone \
    --column history_segment=history_segment --column channel=channel --column recency=recency

step 'consent events, both sides at a time'
on_both import_consents

step 'ENRICH'
retailer job run ENRICH --agreement "$agreement" --purpose profile_enrichment \
    --column history_segment --column channel --column recency --result "$work/enriched.csv"

step 'the truth, recomputed from the input files without our code'
"$python" "$here/check.py" "$work"
step "done; the files are in $work"
