# Two gateways of two companies on this machine, for the examples: their run.sh sources this file.
#
# Before: `set -euo pipefail`; `sides`, the two companies' names. A function of each name calls `assent` in its home.
# After `in_new_folder DIR`: `work`, `here` (the example's folder), `python`.

in_new_folder() { # DIR: where everything goes; it must be new or empty
    if [[ -d $1 && -n $(ls -A "$1") ]]; then
        echo "$1 is not empty; name a new directory" >&2
        exit 2
    fi
    mkdir -p "$1"
    work=$(realpath "$1")
    here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
    local root
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
}

for side in "${sides[@]}"; do
    eval "$side() { assent --home \"\$work/$side\" \"\$@\"; }"
done

step() { printf '%4d s  %s\n' "$SECONDS" "$1" >&2; }

on_both() { # FUNCTION: call it with each company's name, both at a time
    local first
    "$1" "${sides[0]}" & first=$!
    "$1" "${sides[1]}"
    wait "$first"
}

servers=()
stop() {
    local pid
    for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${servers[@]}"; do wait "$pid" 2>/dev/null || true; done
    servers=()
}
trap stop EXIT
trap 'exit 130' INT TERM

open_gateways() { # homes, data sets (by the caller's function `declare_data SIDE`) and two servers; needs `legal_names`
    local side port attempt
    read -r -a ports < <("$python" - <<'PY'
import socket

sockets = [socket.socket() for _ in range(4)]
for one in sockets:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in sockets))
PY
    )
    on_both make_home
    for side in "${sides[@]}"; do
        assent --home "$work/$side" serve --log-file "$work/$side/server.log" & servers+=($!)
    done
    for port in "${ports[@]}"; do
        for attempt in {1..300}; do
            listens "$port" && break
            if ((attempt == 300)) || ! alive; then
                echo "nothing serves port $port; see above, and server.log in $work/${sides[0]} and $work/${sides[1]}" >&2
                exit 1
            fi
            sleep 0.2
        done
    done
}

make_home() {
    local at=0
    [[ $1 == "${sides[0]}" ]] || at=1
    "$1" keys init --party "$1" --legal-name "${legal_names[at]}" --contact "privacy@$1.example" \
        --tenant-address "127.0.0.1:${ports[2 * at]}" --peer-address "127.0.0.1:${ports[2 * at + 1]}" \
        >"$work/$1.fingerprint"
    declare_data "$1"
}

alive() {
    local pid
    for pid in "${servers[@]}"; do kill -0 "$pid" 2>/dev/null || return 1; done
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

exchange_cards() { # by file and fingerprint
    on_both invite_partner
    on_both accept_partner
}

invite_partner() { "$1" partner invite "$work/$1/card.json" >/dev/null; }

accept_partner() {
    local other
    other=$(other_side "$1")
    "$1" partner accept "$work/$other/card.json" --fingerprint "$(<"$work/$other.fingerprint")" >/dev/null
}

other_side() { if [[ $1 == "${sides[0]}" ]]; then echo "${sides[1]}"; else echo "${sides[0]}"; fi; }

agree() { # DRAFT: the first company proposes, the second signs; `agreement` is the id
    local hash
    "${sides[0]}" agreement propose "$1" --output json >"$work/${sides[0]}/proposal.json"
    read -r agreement hash < <("$python" -c 'import json, sys; found = json.load(sys.stdin)[0]; print(found["agreement"],
        found["hash"])' <"$work/${sides[0]}/proposal.json")
    "${sides[1]}" agreement accept "$agreement" --hash "$hash" >/dev/null
    "${sides[0]}" agreement show-document "$agreement" >"$work/agreement.json"
    "${sides[1]}" agreement show-document "$agreement" | cmp - "$work/agreement.json"
}

import_consents() { "$1" consent import "$work/${1}_consents.csv"; }
