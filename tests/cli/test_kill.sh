# A run that is killed at any moment, above all while it writes a checkpoint, can always be
# resumed, with the same result.
. "$2/tests/cli/lib.sh"

# kill_and_resume CONFIGURATION EPOCHS REFIT_EVERY WHEN…: kills after these seconds or, as in @13, after this epoch.
kill_and_resume() {
    local model=$1 run="run of $1" whole="whole $1" process kills=0 when file
    # With epochs of one step the run mainly saves.
    local quick="--epochs $2 --set train.batch=1800 --set train.refit_every=$3"
    shift 3
    # shellcheck disable=SC2086
    expect 0 "done" "$gkvae" train "$model.ini" --out "$whole" $quick

    # shellcheck disable=SC2086
    "$gkvae" train "$model.ini" --out "$run" $quick > lines 2>&1 &
    process=$!
    for when in "$@"; do
        case $when in
        @*) wait_for lines "epoch ${when#@}/" || fail "$model: no epoch ${when#@} within 20 s" ;;
        *) sleep "$when" ;;
        esac
        kill -9 $process 2> /dev/null && kills=$((kills + 1))
        wait $process 2> /dev/null
        if [ -e "$run/checkpoint.safetensors" ]; then
            # The first checkpoint is written before the first model.
            [ ! -e "$run/model.safetensors" ] || expect 0 "4 images" "$gkvae" sample "$run" -n 4 --out killed.png
            "$gkvae" train --resume --out "$run" > lines 2>&1 &
        else
            # shellcheck disable=SC2086
            "$gkvae" train "$model.ini" --out "$run" --overwrite $quick > lines 2>&1 &
        fi
        process=$!
    done
    wait $process || fail "$model: the last resume failed: $(cat lines)"
    [ $kills -ge 2 ] || fail "$model: only $kills processes were killed in mid-run"
    for file in checkpoint.safetensors model.safetensors; do
        cmp "$whole/$file" "$run/$file" || fail "$model: $file is not that of a run left in peace"
    done
    for file in "$run"/*.gkvae-tmp-*; do
        [ -e "$file" ] && fail "$file was left behind"
    done
}
kill_and_resume small 150 50 0.5 0.3 0.4 0.25 0.45 0.35 0.55 0.28 0.38 0.48
# The first refit comes after 10 steps, and a refit from sufficient statistics after every seven of the other 50. The
# kills come between them.
kill_and_resume mixture 60 10 @13 @27 @41 @54
accumulated "whole mixture" 8
accumulated "run of mixture" 8

# A run that is to replace another is killed before its first checkpoint: the old run is untouched, and can be replaced
# again. Many draws of each image make the epoch last for seconds.
expect 0 "done" "$gkvae" train small.ini --out old --epochs 1
expect 0 "" "$gkvae" eval old --no-pictures --no-generation --quiet
cp -r old copy
"$gkvae" train small.ini --out old --overwrite --epochs 1 --set train.batch=4 --set train.samples=300 \
    --set train.seed=2 > lines 2>&1 &
process=$!
for _ in $(seq 100); do
    [ -e old/.gkvae-new/refits.jsonl ] && break
    sleep 0.05
done
kill -9 $process
wait $process 2> /dev/null
[ -e old/.gkvae-new ] || fail "the run was not killed before its first checkpoint"
rm old/lock copy/lock
diff -r copy old | grep -v "^Only in old: .gkvae-new" && fail "the old run has changed"
expect 0 "" "$gkvae" eval old --no-pictures --no-generation --quiet
expect 0 "done" "$gkvae" train small.ini --out old --overwrite --epochs 1 --set train.seed=2
[ ! -e old/.gkvae-new ] && [ ! -e old/metrics.json ] || fail "remnants of the replaced run"
grep -q "seed = 2" old/config.ini || fail "the run was not replaced"

# A kill in the middle of a replacement: the next command completes it.
mv copy/model.safetensors copy/other.safetensors
mkdir copy/.gkvae-commit
cp old/model.safetensors old/config.ini copy/.gkvae-commit
echo other.safetensors > copy/.gkvae-commit/.removed
expect 0 "" "$gkvae" eval copy --no-pictures --no-generation --quiet
cmp copy/model.safetensors old/model.safetensors || fail "the replacement was not completed"
[ ! -e copy/.gkvae-commit ] && [ ! -e copy/other.safetensors ] || fail "remnants of the replacement"
finish
