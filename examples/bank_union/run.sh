#!/usr/bin/env bash
# A retailer enriches its customers from a bank, whose three source systems meet in one data set through the identity map.
#
#     run.sh --workdir DIR [--customers N]
#
# DIR: a new directory. N: customers of the retailer, by default 400; everything is generated, with a fixed seed.
set -euo pipefail

sides=(retailer bank) legal_names=(仁里零售有限公司 平川银行股份有限公司)
# shellcheck source=examples/two_gateways.sh
source "$(dirname "${BASH_SOURCE[0]}")/../two_gateways.sh"
customers=400 usage='--workdir DIR [--customers N]'
read_options "$@"
[[ $customers =~ ^[1-9][0-9]*$ ]] || wrong_usage
in_new_folder "$workdir"

step 'inputs: customers, three systems of the bank and whose their ids are, consent events, notices, the agreement'
make_inputs --customers "$customers"

step 'homes, keys and two servers'
declare_data() {
    # What the systems say differently of a customer is settled by their order: the core system's word counts first.
    together \
        retailer dataset add customers --path "$work/retailer.csv" --subject-column customer_id \
        + bank dataset add customers --part core --path "$work/core.csv" --subject-column customer_no \
        --column phone=phone --column wealth=asset_band \
        + bank dataset add customers --part cards --path "$work/cards.csv" --subject-column card --subject-source cards \
        --column phone=mobile --column card=grade \
        + bank dataset add customers --part app --path "$work/app.csv" --subject-column user --subject-source app \
        --column phone=phone --column channel=device
}
open_gateways

step 'cards, exchanged by file and fingerprint'
exchange_cards

step 'registries and notices; whose the ids of the bank’s other systems are'
register() { own register.py "$1" "$work"; }
on_both register

step 'one agreement, signed by both and bound on either side'
agree "$work/agreement_draft.json"
together \
    retailer agreement bind "$agreement" --dataset customers --subject-column customer_id --match-key phone.e164=phone \
    + bank agreement bind "$agreement" --dataset customers --subject-column customer_no --match-key phone.e164=phone \
    --column wealth=wealth --column card=card --column channel=channel

step 'consent events, both sides at a time'
on_both import_consents

step 'ENRICH'
retailer job run ENRICH --agreement "$agreement" --purpose profile_enrichment \
    --column wealth --column card --column channel --result "$work/enriched.csv"
job=$(bank job list --output json | "$python" -c 'import json, sys; print(json.load(sys.stdin)[0]["job"])')
bank job watch "$job" --output json >"$work/bank_job.json"

step 'the truth, recomputed from the input files without our code'
"$python" "$here/check.py" "$work"
step "done; the files are in $work"
