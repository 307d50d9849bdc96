#!/usr/bin/env bash
# gkvae beside what one would use instead: training beside PyTorch, the fits beside SciPy.
#
#   bench/peers.sh [PROGRAM] [FIT_PROGRAM]    default: build/gkvae build/bench_fit_speed
#
# Needs Debian's python3-torch, libblis4-openmp and python3-scipy:
#   apt-get install --no-install-recommends python3-torch libblis4-openmp python3-scipy
# PyTorch's best configuration is looked for first, for each model and number of threads: over
# BLIS or OpenBLAS, each in its OpenMP build, with Adam tensor by tensor or over all at once.
# Then ours and PyTorch's take turns, ROUNDS times (default 5), SECONDS each (default 4); the
# ratios are of the same round, and of all figures the medians are shown.
set -u
cd "$(dirname "$0")/.." || exit 1
gkvae=${1:-build/gkvae}
fits=${2:-build/bench_fit_speed}
rounds=${ROUNDS:-5}
seconds=${SECONDS_EACH:-4}
python=/usr/bin/python3
libraries=/usr/lib/x86_64-linux-gnu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# torch BLAS ADAM MODEL THREADS SECONDS: images a second.
torch() {
    local adam=()
    [ "$2" = foreach ] && adam=(--foreach)
    LD_LIBRARY_PATH=$libraries/$1-openmp OMP_NUM_THREADS=$4 "$python" bench/train_torch.py --model "$3" \
        --threads "$4" --seconds "$5" ${adam[@]+"${adam[@]}"} || exit 1
}

# ours FILE MODEL-NUMBER WIDTH: images a second, of the last round's figures.
ours() {
    "$python" -c 'import json, sys
print(json.load(open(sys.argv[1]))["models"][int(sys.argv[2])]["at"][int(sys.argv[3])]["images_per_second"])' \
        "$work/$1.json" "$2" "$3"
}

# measure CONFIG: figures of configs/CONFIG.ini and of the plain model of its sizes.
measure() {
    "$gkvae" bench "configs/$1.ini" --only training --quiet --threads "$threads" --seconds $((4 * seconds)) \
        --json "$work/$1.json" > /dev/null || exit 1
}

median() {
    sort -g | awk '{ x[NR] = $1 } END { printf "%.6g\n", NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'
}

threads=$(nproc)
widths=1
[ "$threads" -gt 1 ] && widths="1 $threads"

compare_training() {
    "$python" -c 'import torch' 2> /dev/null || { echo "training: no PyTorch here"; return; }
    for model in default quick plain; do
        for width in $widths; do
            for blas in blis openblas; do
                [ -e "$libraries/$blas-openmp/libblas.so.3" ] || continue
                for adam in each foreach; do
                    echo "$(torch $blas $adam $model "$width" "$seconds") $blas $adam"
                done
            done | sort -gr | tee "$work/tried-$model-$width" | head -1 > "$work/best-$model-$width"
        done
    done
    for _ in $(seq "$rounds"); do
        measure mnist
        measure mnist-quick
        for model in "default mnist 0" "quick mnist-quick 0" "plain mnist-quick 1"; do
            read -r name file number <<< "$model"
            place=0
            for width in $widths; do
                read -r _ blas adam < "$work/best-$name-$width"
                echo "$(ours "$file" "$number" $place) $(torch "$blas" "$adam" "$name" "$width" "$seconds")" \
                    >> "$work/rounds-$name-$width"
                place=$((place + 1))
            done
        done
    done
    echo "training, batch 200, images/s: medians of $rounds rounds"
    for model in default quick plain; do
        for width in $widths; do
            read -r _ blas adam < "$work/best-$model-$width"
            printf '%-8s %s threads  gkvae %6.0f  PyTorch %6.0f (%s, Adam: %s)  ratio %.2f\n' $model "$width" \
                "$(awk '{ print $1 }' "$work/rounds-$model-$width" | median)" \
                "$(awk '{ print $2 }' "$work/rounds-$model-$width" | median)" "$blas" "$adam" \
                "$(awk '{ print $1 / $2 }' "$work/rounds-$model-$width" | median)"
        done
    done
    echo "PyTorch's configurations tried, images/s: "
    for file in "$work"/tried-*; do
        echo "  ${file#*/tried-}: $(tr '\n' ';' < "$file")"
    done
}

compare_fits() {
    [ -x "$fits" ] || { echo "fits: no $fits (cmake --build build --target bench_fit_speed)"; return; }
    "$python" -c 'import scipy' 2> /dev/null || { echo "fits: no SciPy here"; return; }
    for _ in $(seq "$rounds"); do
        "$fits" 2000 > "$work/fits"
        # The line of 99 levels on one thread, observations.
        sed -n 's/^lm .*observations, .* levels, one thread: \([0-9]*\) fits a second.*/\1/p' "$work/fits" |
            head -1 > "$work/fit-ours"
        OMP_NUM_THREADS=1 "$python" bench/fit_speed_scipy.py 100 |
            sed -n 's/^SciPy least_squares.*: \([0-9]*\) fits a second.*/\1/p' > "$work/fit-scipy"
        paste "$work/fit-ours" "$work/fit-scipy" >> "$work/rounds-fits"
    done
    printf 'least-squares fits of 99 observations, one thread: gkvae %.0f/s  SciPy %.0f/s  ratio %.0f\n' \
        "$(awk '{ print $1 }' "$work/rounds-fits" | median)" "$(awk '{ print $2 }' "$work/rounds-fits" | median)" \
        "$(awk '{ print $1 / $2 }' "$work/rounds-fits" | median)"
}

compare_training
compare_fits
