# Functions for the tests of the program. Each test sources this file with its own arguments:
#   $1 the program, $2 the source folder
# Each test works in a temporary folder, which is removed at the end, and ends with `finish`.
set -u
gkvae=$1
source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

finish() {
    if [ "$failures" -gt 0 ]; then
        echo "$failures checks failed" >&2
        exit 1
    fi
    exit 0
}

# expect CODE TEXT COMMAND…: the command exits with this code, and its output contains the text.
expect() {
    local wanted=$1 text=$2 code=0
    shift 2
    "$@" > output 2>&1 || code=$?
    if [ "$code" -ne "$wanted" ]; then
        fail "exit code $code, not $wanted: $*"
        sed 's/^/    /' output >&2
    elif [ -n "$text" ] && ! grep -qF -e "$text" output; then
        fail "no \"$text\" in the output of: $*"
        sed 's/^/    /' output >&2
    fi
}

# python_with MODULE: prints the first Python that has the module; the system's may have one that another has not.
python_with() {
    local candidate
    for candidate in /usr/bin/python3 python3; do
        "$candidate" -c "import $1" 2> /dev/null && echo "$candidate" && return
    done
    return 1
}

# configuration MODEL TRAIN: prints a configuration of a run of seconds on the fixture, with these lines in [model]
# and [train].
configuration() {
    cat << END
[data]
dataset = mnist-small
folder = $source/tests/fixtures
validation = 200
[model]
latent = 6
hidden = 32
layers = 2
prior_layers = 2
prior_hidden = 16
$1
[train]
epochs = 2
batch = 100
threads = 1
$2
[eval]
samples = 5
END
}
configuration 'block = silu
base = gk-copula' 'refit_codes = 1000
gradient = total
weight_decay = 0
ema = 0' > small.ini

# Small models of the default kind: a mixture, or two components for each label. All refits except the first use running
# sufficient statistics, every seven steps. Layers, gradient, decay and average are the defaults.
configuration 'base = gk-mixture
base_components = 3' 'refit_every = 0.5
refit_steps = 7' > mixture.ini
configuration 'base = gk-by-class
base_components = 2' 'refit_every = 0.5
refit_steps = 7' > by-class.ini

# refits FOLDER COUNT: the run made this number of refits of its base.
refits() {
    [ "$(wc -l < "$1/refits.jsonl")" -eq "$2" ] || fail "$1: $(wc -l < "$1/refits.jsonl") refits, not $2"
}

# accumulated FOLDER COUNT: the same; all refits except the first used sufficient statistics, and many were accepted.
accumulated() {
    local others accepted
    refits "$1" "$2"
    others=$(grep -vF '"forgetting": 0,' "$1/refits.jsonl")
    accepted=$(echo "$others" | grep -cvF '"step_length": 0,')
    [ "$(echo "$others" | wc -l)" -eq $(($2 - 1)) ] ||
        fail "$1: a refit after the first did not use sufficient statistics"
    [ $((4 * accepted)) -ge "$2" ] || fail "$1: only $accepted of $2 refits were accepted"
}

# holds FILE.npy ROWS COLUMNS: it is an array of float32 of that shape.
shape() { head -c 128 "$1" | tr -d '\0' | grep -aoE "'shape': \([0-9]+, [0-9]+\)"; }
holds() {
    [ "$(shape "$1")" = "'shape': ($2, $3)" ] || fail "$1: $(shape "$1"), not ($2, $3)"
    [ "$(wc -c < "$1")" -eq $((128 + 4 * $2 * $3)) ] || fail "$1 has $(wc -c < "$1") bytes"
}

is_png() {
    [ "$(head -c 8 "$1" 2> /dev/null | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ]
}

# json_number FILE KEY: the number of a flat JSON object, "null", or nothing.
json_number() {
    sed -n "s/^ *\"$2\": \(.*\)\$/\1/p" "$1" | sed 's/,$//'
}

# is_true EXPRESSION: a comparison of decimal numbers.
is_true() {
    awk "BEGIN { exit !($1) }"
}

# Waits, for at most 20 s, until the file has the text.
wait_for() {
    local i=0
    until grep -qF -e "$2" "$1" 2> /dev/null; do
        i=$((i + 1))
        [ "$i" -gt 400 ] && return 1
        sleep 0.05
    done
}
