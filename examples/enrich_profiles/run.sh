#!/usr/bin/env bash
# Two gateways on this machine enrich a retailer's customers from a partner's, all through the command line.
#
#     run.sh --csv FILE --workdir DIR [--strangers N]
#
# FILE: a customer table with the columns history_segment, channel and recency. DIR: a new directory.
# N: customers of the partner who are no customers of the retailer, by default 20000.
set -euo pipefail

usage() {
    echo "usage: $0 --csv FILE --workdir DIR [--strangers N]" >&2
    exit 2
}
csv='' work='' strangers=20000
while (($#)); do
    case $1 in
    --csv) csv=${2:-} ;;
    --workdir) work=${2:-} ;;
    --strangers) strangers=${2:-} ;;
    *) usage ;;
    esac
    shift $(($# > 1 ? 2 : 1))
done
[[ -n $csv && -n $work ]] || usage
[[ -f $csv ]] || { echo "no such file: $csv" >&2; exit 2; }
if [[ -d $work && -n $(ls -A "$work") ]]; then
    echo "$work is not empty; name a new directory" >&2
    exit 2
fi
mkdir -p "$work"
csv=$(realpath "$csv") work=$(realpath "$work")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

if [[ -x $root/.venv/bin/assent ]]; then
    PATH=$root/.venv/bin:$PATH
fi
command -v assent >/dev/null || { echo "no command assent: run make .venv, or install the wheel" >&2; exit 2; }
python=$(dirname "$(command -v assent)")/python
[[ -x $python ]] || python=python3
if [[ -n ${PYTHONDONTWRITEBYTECODE:-} ]]; then
    # Some thirty commands follow: compiled once, kept in DIR, they take a fraction of the time.
    unset PYTHONDONTWRITEBYTECODE
    export PYTHONPYCACHEPREFIX=$work/.pycache
fi

retailer() { assent --home "$work/retailer" "$@"; }
partner() { assent --home "$work/partner" "$@"; }
step() { printf '%4d s  %s\n' "$SECONDS" "$1" >&2; }

servers=()
stop() {
    local pid
    for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${servers[@]}"; do wait "$pid" 2>/dev/null || true; done
    servers=()
}
trap stop EXIT
trap 'exit 130' INT TERM

step 'inputs: customers and consent events of both companies'
"$python" "$here/make_inputs.py" --csv "$csv" --out "$work" --strangers "$strangers"

step 'homes, keys and two servers'
read -r -a ports < <("$python" - <<'PY'
import socket

sockets = [socket.socket() for _ in range(4)]
for one in sockets:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in sockets))
PY
)
found() { # SIDE LEGAL-NAME TENANT-PORT PEER-PORT ID-COLUMN: a home and its data set
    "$1" keys init --party "$1" --legal-name "$2" --contact "privacy@$1.example" \
        --tenant-address "127.0.0.1:$3" --peer-address "127.0.0.1:$4" >"$work/$1.fingerprint"
    "$1" dataset add customers --path "$work/$1.csv" --subject-column "$5" >/dev/null
}
found retailer 仁里零售有限公司 "${ports[0]}" "${ports[1]}" customer_id & first=$!
found partner 平川数字平台有限公司 "${ports[2]}" "${ports[3]}" user_id
wait "$first"
for side in retailer partner; do
    assent --home "$work/$side" serve --log-file "$work/$side/server.log" & servers+=($!)
done
for side in retailer partner; do
    for attempt in {1..60}; do
        "$side" partner list >/dev/null 2>&1 && break
        ((attempt < 60)) || { echo "the $side's gateway does not serve; see $work/$side/server.log" >&2; exit 1; }
        sleep 0.5
    done
done

step 'cards, exchanged by file and fingerprint'
retailer partner invite "$work/retailer/card.json" >/dev/null
partner partner invite "$work/partner/card.json" >/dev/null
retailer partner accept "$work/partner/card.json" --fingerprint "$(<"$work/partner.fingerprint")" >/dev/null
partner partner accept "$work/retailer/card.json" --fingerprint "$(<"$work/retailer.fingerprint")" >/dev/null

step 'registries and notices'
register() { # SIDE RECIPIENT: what one side registers
    local side=$1 recipient=$2
    "$side" registry add-purpose profile_enrichment --text '补全会员档案' >/dev/null
    "$side" registry add-category phone_hash --text '手机号码的加密摘要' >/dev/null
    "$side" registry add-category spending_band --text '年度消费区间' >/dev/null
    "$side" registry add-category preferred_channel --text '常用渠道' >/dev/null
    "$side" registry add-category purchase_recency --text '最近一次购买距今月数' >/dev/null
    "$side" registry add-assessment enrichment-2026 --purpose profile_enrichment --recipient "$recipient" \
        --approved-at 2026-01-05T09:00:00+08:00 --approver 'privacy office' >/dev/null
    "$side" notice create "$here/${side}_notice.json" >/dev/null
    "$side" notice publish enrichment --version 1 --at 2026-01-10T09:00:00+08:00 >/dev/null
}
register retailer partner & first=$!
register partner retailer
wait "$first"

step 'one agreement, signed by both and bound on either side'
read -r agreement hash < <(retailer agreement propose "$here/agreement_draft.json" --output json |
    "$python" -c 'import json, sys; found = json.load(sys.stdin)[0]; print(found["agreement"], found["hash"])')
partner agreement accept "$agreement" --hash "$hash" >/dev/null
retailer agreement show-document "$agreement" >"$work/agreement.json"
partner agreement show-document "$agreement" | cmp - "$work/agreement.json"
retailer agreement bind "$agreement" --dataset customers --subject-column customer_id --match-key phone.e164=phone
partner agreement bind "$agreement" --dataset customers --subject-column user_id --match-key phone.e164=phone \
    --column history_segment=history_segment --column channel=channel --column recency=recency

step 'consent events, both sides at a time'
retailer consent import "$work/retailer_consents.csv" & first=$!
partner consent import "$work/partner_consents.csv"
wait "$first"

step 'ENRICH'
retailer job run ENRICH --agreement "$agreement" --purpose profile_enrichment \
    --column history_segment --column channel --column recency --result "$work/enriched.csv"

step 'the truth, recomputed from the input files without our code'
"$python" "$here/check.py" "$work"
step "done; the files are in $work"
