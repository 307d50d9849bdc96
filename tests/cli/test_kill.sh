# kill -9 at any moment, while checkpoints are being written above all: what is in the
# folder can always be gone on from, to the same result.
. "$2/tests/cli/lib.sh"

# One-step epochs: little else but saving.
quick="--epochs 150 --set train.batch=1800 --set train.refit_every=50"
# shellcheck disable=SC2086
expect 0 "done" "$gkvae" train small.ini --out whole $quick

# shellcheck disable=SC2086
"$gkvae" train small.ini --out run $quick > /dev/null 2>&1 &
process=$!
kills=0
for delay in 0.5 0.3 0.4 0.25 0.45 0.35 0.55 0.28 0.38 0.48; do
    sleep $delay
    kill -9 $process 2> /dev/null && kills=$((kills + 1))
    wait $process 2> /dev/null
    if [ -e run/checkpoint.safetensors ]; then
        expect 0 "4 images" "$gkvae" sample run -n 4 --out killed.png
        "$gkvae" train --resume --out run > lines 2>&1 &
    else
        # shellcheck disable=SC2086
        "$gkvae" train small.ini --out run --overwrite $quick > lines 2>&1 &
    fi
    process=$!
done
wait $process || fail "the last resume failed: $(cat lines)"
[ $kills -ge 2 ] || fail "only $kills processes were killed in mid-run"
cmp whole/checkpoint.safetensors run/checkpoint.safetensors || fail "the end is not that of a run left in peace"
cmp whole/model.safetensors run/model.safetensors || fail "the model is not that of a run left in peace"
for name in run/*.tmp-*; do
    [ -e "$name" ] && fail "$name was left behind"
done
finish
