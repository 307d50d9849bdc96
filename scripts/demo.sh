#!/usr/bin/env bash
# What `make demo` does once the program is built: gets MNIST, trains the convolutional model,
# evaluates it, and says where to look. Without a network it trains on the small sample
# that comes with the source, and says so.
#
#   scripts/demo.sh [PROGRAM]    default: build/gkvae
set -u
cd "$(dirname "$0")/.." || exit 1
gkvae=${1:-build/gkvae}
folder=results/demo

# Ctrl-C reaches the program too, which saves and ends; then it is for us to speak.
trap : INT TERM

go_on() {
    echo
    echo "demo: interrupted. To go on from here, rather than from the start by make demo:"
    echo "  $gkvae train --resume --out $folder && $gkvae eval $folder --refine lm:2 --samples 50"
}

# step NAME COMMAND…: ends the demo, with the command's exit code, if the command fails.
step() {
    local name=$1 code=0
    shift
    "$@" || code=$?
    case $code in
    0) return ;;
    130 | 143) [ -e "$folder/checkpoint.safetensors" ] && go_on ;;
    *) echo "demo: $name failed with exit code $code; the message is above" >&2 ;;
    esac
    exit $code
}

options=()
sample=
echo "demo: getting MNIST"
code=0
"$gkvae" data get mnist || code=$?
if [ $code -eq 130 ] || [ $code -eq 143 ]; then
    exit $code
elif [ $code -ne 0 ]; then
    sample=yes
    echo
    echo "demo: MNIST could not be had (no network?). Training on the SMALL SAMPLE in tests/fixtures"
    echo "demo: instead, 2 000 of its 60 000 images: quick, but the figures are not those of MNIST."
    # Few images: more passes over them, and the best epoch by validation.
    options=(--set data.dataset=mnist-small --set data.folder=tests/fixtures --set data.validation=200
        --set train.epochs=40 --set train.batch=50 --set train.kl_warmup=10
        --set train.checkpoint_every=10 --set train.patience=30 --set model.base_components=4
        --set eval.features=mnist)
fi

echo
echo "demo: training in $folder; Ctrl-C stops and saves"
step training "$gkvae" train configs/mnist-conv.ini --out "$folder" --overwrite ${options[@]+"${options[@]}"}
echo
echo "demo: writing the explorer, a page that runs the model in the browser"
step "the explorer" "$gkvae" explore "$folder" --no-open
echo
echo "demo: evaluating: the likelihood by refined importance sampling, and the generated images"
step evaluation "$gkvae" eval "$folder" --refine lm:2 --samples 50

echo
if [ -n "$sample" ]; then
    echo "demo: this was the SMALL SAMPLE, not MNIST: with a network, make demo again gets the whole."
fi
echo "demo: all done. Open $folder/index.html: pictures, figures, configuration."
echo "demo: try the model in the browser: $folder/explorer.html"
echo "demo: the same in files: $folder/metrics.json and $folder/*.png"
