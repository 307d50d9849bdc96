#!/usr/bin/env bash
# Training of convolutional networks beside PyTorch: the plain model of configs/mnist-conv.ini (bench/train_torch.py).
#
#   bench/conv_peers.sh [PROGRAM]    default: build/gkvae
#
# Needs Debian's python3-torch. PyTorch's faster order of maps is looked for first, channels last or first. Then gkvae
# and PyTorch take turns, ROUNDS times (default 5), SECONDS_EACH each (default 4); the figures are medians.
set -u
cd "$(dirname "$0")/.." || exit 1
gkvae=${1:-build/gkvae} rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-4} python=/usr/bin/python3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -c 'import torch' 2> /dev/null || { echo "no PyTorch here"; exit 1; }

torch() { # torch THREADS [OPTION…]: images a second
    OMP_NUM_THREADS=$1 "$python" bench/train_torch.py --model conv --threads "$@" --seconds "$seconds"
}
median() {
    sort -g | awk '{ x[NR] = $1 } END { printf "%.6g\n", NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'
}

threads=$(nproc)
widths=1
[ "$threads" -gt 1 ] && widths="1 $threads"
for width in $widths; do
    last=$(torch "$width") first=$(torch "$width" --contiguous)
    echo "PyTorch, $width threads, images/s: channels last $last, first $first"
    options[width]=$([ "$first" -gt "$last" ] && echo --contiguous)
done
for _ in $(seq "$rounds"); do
    "$gkvae" bench configs/mnist-conv.ini --only training --quiet --threads "$threads" --seconds $((4 * seconds)) \
        --json "$work/bench.json" > /dev/null || exit 1
    place=0
    for width in $widths; do
        ours=$("$python" -c 'import json, sys
print(json.load(open(sys.argv[1]))["models"][1]["at"][int(sys.argv[2])]["images_per_second"])' \
            "$work/bench.json" $place)
        # shellcheck disable=SC2086
        echo "$ours $(torch "$width" ${options[width]})" >> "$work/rounds-$width"
        place=$((place + 1))
    done
done
for width in $widths; do
    printf 'conv, batch 64  %s threads  gkvae %6.0f  PyTorch %6.0f  ratio %.2f\n' "$width" \
        "$(awk '{ print $1 }' "$work/rounds-$width" | median)" "$(awk '{ print $2 }' "$work/rounds-$width" | median)" \
        "$(awk '{ print $1 / $2 }' "$work/rounds-$width" | median)"
done
