# Two gateways of two companies on this machine, for the examples: their run.sh sources this file.
#
# Before: `set -euo pipefail`; `sides`, the two companies' names. A function of each name calls `assent` in its home.
# After `read_options "$@"`, which goes by `usage`: a variable for each option, by its name.
# After `in_new_folder DIR`: `work`, `here` (the example's folder), `python`.

read_options() { # WORD...: as `usage` has them, e.g. '--workdir DIR [--fast] [--rows N]'; one without a value becomes "on"
    local word
    while (($#)); do
        [[ $1 == --* && $usage =~ (^|[ \[])"$1"([] ]|$) ]] || wrong_usage
        if [[ ${BASH_REMATCH[2]} == "]" ]]; then
            printf -v "${1#--}" on
            shift
        else
            printf -v "${1#--}" %s "${2:-}"
            shift $(($# > 1 ? 2 : 1))
        fi
    done
    for word in $usage; do
        # What stands in no brackets is needed.
        [[ $word == --* ]] || continue
        word=${word#--}
        [[ -n ${!word:-} ]] || wrong_usage
    done
}

wrong_usage() {
    echo "usage: $0 $usage" >&2
    exit 2
}

in_new_folder() { # DIR: where everything goes; it must be new or empty
    if [[ -d $1 && -n $(ls -A "$1") ]]; then
        echo "$1 is not empty; name a new directory" >&2
        exit 2
    fi
    mkdir -p "$1"
    work=$(realpath "$1")
    here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
    local root
    examples=$(dirname "$here") root=$(dirname "$(dirname "$here")")
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

together() { # SIDE WORD... [+ SIDE WORD...]...: commands of `assent`, one after the other, in one process
    "$python" "$examples/commands.py" "$work" "$@"
}

own() { # PROGRAM WORD...: one of the example's programs that uses what all of them share
    PYTHONPATH=$examples "$python" "$here/$1" "${@:2}"
}

make_inputs() { # WORD...: what the example's make_inputs.py takes beside --out
    own make_inputs.py --out "$work" "$@"
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

open_gateways() { # homes, data sets (by the caller's function `declare_data`) and two servers; needs `legal_names`
    local side port attempt a=${sides[0]} b=${sides[1]}
    read -r -a ports < <("$python" - <<'PY'
import socket

sockets = [socket.socket() for _ in range(4)]
for one in sockets:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in sockets))
PY
    )
    together \
        "$a" keys init --party "$a" --legal-name "${legal_names[0]}" --contact "privacy@$a.example" \
        --tenant-address "127.0.0.1:${ports[0]}" --peer-address "127.0.0.1:${ports[1]}" \
        + "$b" keys init --party "$b" --legal-name "${legal_names[1]}" --contact "privacy@$b.example" \
        --tenant-address "127.0.0.1:${ports[2]}" --peer-address "127.0.0.1:${ports[3]}" >"$work/fingerprints"
    declare_data >/dev/null
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

alive() {
    local pid
    for pid in "${servers[@]}"; do kill -0 "$pid" 2>/dev/null || return 1; done
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

exchange_cards() { # by file and fingerprint
    local a=${sides[0]} b=${sides[1]} fingerprints
    mapfile -t fingerprints <"$work/fingerprints"
    together \
        "$a" partner invite "$work/$a/card.json" + "$b" partner invite "$work/$b/card.json" \
        + "$a" partner accept "$work/$b/card.json" --fingerprint "${fingerprints[1]}" \
        + "$b" partner accept "$work/$a/card.json" --fingerprint "${fingerprints[0]}" >/dev/null
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
