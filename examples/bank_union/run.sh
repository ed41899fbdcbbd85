#!/usr/bin/env bash
# A retailer enriches its customers from a bank, whose three source systems meet in one data set through the identity map.
#
#     run.sh --workdir DIR [--customers N]
#
# DIR: a new directory. N: customers of the retailer, by default 400; everything is generated, with a fixed seed.
set -euo pipefail

usage() {
    echo "usage: $0 --workdir DIR [--customers N]" >&2
    exit 2
}
work='' customers=400
while (($#)); do
    case $1 in
    --workdir) work=${2:-} ;;
    --customers) customers=${2:-} ;;
    *) usage ;;
    esac
    shift $(($# > 1 ? 2 : 1))
done
[[ -n $work && $customers =~ ^[1-9][0-9]*$ ]] || usage
sides=(retailer bank) legal_names=(仁里零售有限公司 平川银行股份有限公司)
# shellcheck source=examples/two_gateways.sh
source "$(dirname "${BASH_SOURCE[0]}")/../two_gateways.sh"
in_new_folder "$work"

step 'inputs: customers, three systems of the bank and whose their ids are, consent events, notices, the agreement'
"$python" "$here/make_inputs.py" --customers "$customers" --out "$work"

step 'homes, keys and two servers'
declare_data() {
    if [[ $1 == retailer ]]; then
        retailer dataset add customers --path "$work/retailer.csv" --subject-column customer_id
        return
    fi >/dev/null
    # What the systems say differently of a customer is settled by their order: the core system's word counts first.
    bank dataset add customers --part core --path "$work/core.csv" --subject-column customer_no \
        --column phone=phone --column wealth=asset_band >/dev/null
    bank dataset add customers --part cards --path "$work/cards.csv" --subject-column card --subject-source cards \
        --column phone=mobile --column card=grade >/dev/null
    bank dataset add customers --part app --path "$work/app.csv" --subject-column user --subject-source app \
        --column phone=phone --column channel=device >/dev/null
}
open_gateways

step 'cards, exchanged by file and fingerprint'
exchange_cards

step 'registries and notices; whose the ids of the bank’s other systems are'
register() { "$python" "$here/register.py" "$1" "$work"; }
on_both register

step 'one agreement, signed by both and bound on either side'
agree "$work/agreement_draft.json"
bind_data() {
    if [[ $1 == retailer ]]; then
        retailer agreement bind "$agreement" --dataset customers --subject-column customer_id --match-key phone.e164=phone
    else
        bank agreement bind "$agreement" --dataset customers --subject-column customer_no --match-key phone.e164=phone \
            --column wealth=wealth --column card=card --column channel=channel
    fi
}
on_both bind_data

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
