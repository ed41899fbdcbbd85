#!/usr/bin/env bash
# A retailer plans a campaign by the overlap with a shop, and measures afterwards what it did, on a generated year of orders.
#
#     run.sh --workdir DIR [--customers N]
#
# DIR: a new directory. N: customers of the retailer, by default 900; everything is generated, with a fixed seed.
set -euo pipefail

usage() {
    echo "usage: $0 --workdir DIR [--customers N]" >&2
    exit 2
}
work='' customers=900
while (($#)); do
    case $1 in
    --workdir) work=${2:-} ;;
    --customers) customers=${2:-} ;;
    *) usage ;;
    esac
    shift $(($# > 1 ? 2 : 1))
done
[[ -n $work && $customers =~ ^[1-9][0-9]*$ ]] || usage
sides=(retailer shop) legal_names=(仁里零售有限公司 平川数字平台有限公司)
# shellcheck source=examples/two_gateways.sh
source "$(dirname "${BASH_SOURCE[0]}")/../two_gateways.sh"
in_new_folder "$work"

step 'inputs: customers, a year of orders, consent events, notices, the agreement'
"$python" "$here/make_inputs.py" before --customers "$customers" --out "$work"

step 'homes, keys and two servers'
declare_data() {
    if [[ $1 == retailer ]]; then
        retailer dataset add customers --path "$work/customers.csv" --subject-column customer_id
    else
        shop dataset add users --path "$work/users.csv" --subject-column user_id
    fi >/dev/null
}
open_gateways

step 'cards, registries, notices; one agreement, signed by both and bound to what is there before the campaign'
"$python" "$here/prepare.py" "$work"

step 'consent events, both sides at a time'
on_both import_consents

step 'before the campaign: OVERLAP of every audience'
"$python" "$here/measure.py" before "$work"

step 'the campaign: half of the chosen customers get a message, a fortnight of orders'
"$python" "$here/make_inputs.py" after --out "$work"
declare_after() {
    if [[ $1 == retailer ]]; then
        retailer dataset add arms --path "$work/arms.csv" --subject-column customer_id
    else
        shop dataset add buyers --path "$work/buyers.csv" --subject-column user_id
    fi >/dev/null
}
on_both declare_after

step 'after it: AGGREGATE per arm, and the lift of the message over the control'
"$python" "$here/measure.py" after "$work"

step 'the truth, recomputed from the input files without our code'
"$python" "$here/check.py" "$work"
step "done; the files are in $work"
