#!/usr/bin/env bash
# A retailer plans a campaign by the overlap with a shop, and measures afterwards what it did, on a generated year of orders.
#
#     run.sh --workdir DIR [--customers N]
#
# DIR: a new directory. N: customers of the retailer, by default 900; everything is generated, with a fixed seed.
set -euo pipefail

sides=(retailer shop) legal_names=(仁里零售有限公司 平川数字平台有限公司)
# shellcheck source=examples/two_gateways.sh
source "$(dirname "${BASH_SOURCE[0]}")/../two_gateways.sh"
customers=900 usage='--workdir DIR [--customers N]'
read_options "$@"
[[ $customers =~ ^[1-9][0-9]*$ ]] || wrong_usage
in_new_folder "$workdir"

step 'inputs: customers, a year of orders, consent events, notices, the agreement'
make_inputs before --customers "$customers"

step 'homes, keys and two servers'
declare_data() {
    together \
        retailer dataset add customers --path "$work/customers.csv" --subject-column customer_id \
        + shop dataset add users --path "$work/users.csv" --subject-column user_id
}
open_gateways

step 'cards, registries, notices; one agreement, signed by both and bound to what is there before the campaign'
own prepare.py "$work"

step 'consent events, both sides at a time'
on_both import_consents

step 'before the campaign: OVERLAP of every audience'
own measure.py before "$work"

step 'the campaign: half of the chosen customers get a message, a fortnight of orders'
make_inputs after
together \
    retailer dataset add arms --path "$work/arms.csv" --subject-column customer_id \
    + shop dataset add buyers --path "$work/buyers.csv" --subject-column user_id >/dev/null

step 'after it: AGGREGATE per arm, and the lift of the message over the control'
own measure.py after "$work"

step 'the truth, recomputed from the input files without our code'
"$python" "$here/check.py" "$work"
step "done; the files are in $work"
