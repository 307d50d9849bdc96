#!/usr/bin/env bash
# How the cost grows: with layers, latent dimensions and images.
#
#   bench/curves.sh [PROGRAM]    default: build/gkvae
#
# A training step of the model of configs/mnist-quick.ini on one thread, by the number of hidden layers of encoder and
# decoder, by the coupling layers of its prior, and by the latent dimension; and an epoch of gkvae
# train by the number of images, on all threads. Each from `gkvae bench --json`. "a step more" is
# the step's growth for each layer or dimension since the line above: where the cost is linear it
# stays the same.
set -u
cd "$(dirname "$0")/.." || exit 1
gkvae=${1:-build/gkvae}
seconds=${SECONDS_EACH:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

number() {
    /usr/bin/python3 -c 'import json, sys
f = json.load(open(sys.argv[1]))
print({"step": lambda: 1e3 * f["models"][0]["at"][0]["step_seconds"],
       "share": lambda: 100 * f["models"][0]["at"][0]["step_share_of_peak"],
       "epoch": lambda: f["epoch_seconds"], "first": lambda: f["first_step_seconds"],
       "memory": lambda: 1e-6 * f["peak_memory_bytes"]}[sys.argv[2]]())' "$work/figures.json" "$1"
}

# steps TITLE KEY VALUE…
steps() {
    local title=$1 key=$2 before= value
    shift 2
    printf '%-22s  ms a step  of the peak  µs a step more\n' "$title"
    for value in "$@"; do
        "$gkvae" bench configs/mnist-quick.ini --only training --quiet --threads 1 --seconds "$seconds" --images 20000 \
            --set "$key=$value" --json "$work/figures.json" > /dev/null || exit 1
        step=$(number step)
        printf '%22s  %9.2f  %9.0f %%' "$value" "$step" "$(number share)"
        [ -n "$before" ] && awk "BEGIN { printf \"  %14.1f\", 1e3 * ($step - $last) / ($value - $before) }"
        echo
        before=$value
        last=$step
    done
    echo
}

steps "hidden layers, each" model.layers 1 2 4 8 16
steps "coupling layers" model.prior_layers 1 2 4 8 16 32
steps "latent dimensions" model.latent 10 20 40 80 160 320

echo "images                   an epoch, s  µs an image  first step, s  memory, MB"
for images in 15000 30000 60000 120000; do
    "$gkvae" bench configs/mnist-quick.ini --only run --images $images --json "$work/figures.json" > /dev/null || exit 1
    epoch=$(number epoch)
    printf '%22s  %11.2f  %11.1f  %13.2f  %10.0f\n' $images "$epoch" "$(awk "BEGIN { print 1e6 * $epoch / $images }")" \
        "$(number first)" "$(number memory)"
done
