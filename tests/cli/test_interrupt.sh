# A run that any of three signals stops in the middle of an epoch continues to exactly the same result.
# A folder can be used by one run at a time.
. "$2/tests/cli/lib.sh"
files="checkpoint.safetensors model.safetensors"

# There are more epochs than the run can finish before the signal.
expect 0 "done after 40 epochs" "$gkvae" train small.ini --out "whole small" --epochs 40
refits "whole small" 40
# Refits from sufficient statistics come every 7 steps, from the ninth of 360 on.
expect 0 "done after 20 epochs" "$gkvae" train mixture.ini --out "whole mixture" --epochs 20
accumulated "whole mixture" 51

stop_and_resume() {
    local model=$1 epochs=$2 signal=$3 wanted=$4 folder="$1 stopped by $3" whole="whole $1" process code=0
    "$gkvae" train "$model.ini" --out "$folder" --epochs "$epochs" > lines 2> messages &
    process=$!
    wait_for lines "epoch  3/$epochs" || fail "no third epoch within 20 s"
    # The folder is in use.
    expect 7 "in use by process $process" "$gkvae" train "$model.ini" --out "$folder" --overwrite
    kill -s "$signal" $process
    wait $process || code=$?
    [ $code -eq "$wanted" ] || fail "$signal: exit code $code, not $wanted"
    grep -q "the checkpoint is saved" messages || fail "$signal: no word of the checkpoint: $(cat messages)"
    cmp -s "$whole/checkpoint.safetensors" "$folder/checkpoint.safetensors" && fail "$signal came after the end"

    # An unchanged copy shows that only the printed command is needed.
    grep -A1 "to continue" messages | tail -n 1 > command
    grep -qF -e "--resume" command || fail "$signal: no command to continue is printed: $(cat messages)"
    bash command > lines 2>&1 || fail "the printed command failed: $(cat command lines)"
    for file in $files; do
        cmp "$whole/$file" "$folder/$file" || fail "$signal: $file is not what an unstopped run leaves"
    done
    [ "$(cut -d, -f1-11 "$folder/history.csv")" = "$(cut -d, -f1-11 "$whole/history.csv")" ] ||
        fail "$signal: history.csv differs beyond its times"
    refits "$folder" "$(wc -l < "$whole/refits.jsonl")"
}
stop_and_resume small 40 INT 130
stop_and_resume small 40 TERM 143
stop_and_resume small 40 HUP 129
stop_and_resume mixture 20 INT 130
mv "whole small" whole

# Under nohup a run survives the end of the terminal.
(trap '' HUP; exec "$gkvae" train small.ini --out "not stopped" --epochs 8) > lines 2> messages &
process=$!
wait_for lines "epoch 1/8" || fail "no first epoch within 20 s"
kill -s HUP $process
wait $process || fail "an ignored SIGHUP ended training: $(cat messages)"

# It is stopped again and continued on another number of threads. Then nothing is left to do.
expect 0 "done" "$gkvae" train --resume --out whole --threads 3
for other in "--epochs 39" "--seed 2" "--set model.hidden=33" "--set data.validation=100"; do
    # shellcheck disable=SC2086
    expect 4 "with its original settings" "$gkvae" train --resume --out whole $other
done
expect 2 "its own configuration" "$gkvae" train small.ini --resume --out whole
mkdir empty
expect 4 "no run to resume" "$gkvae" train --resume --out empty
expect 4 "no run to resume" "$gkvae" train --resume --out nowhere
[ -e nowhere ] && fail "a resume of nothing made a folder"

# If the reader of the output ends, the run stops and is saved.
{ "$gkvae" train small.ini --out piped --epochs 400 2> messages; echo $? > code; } | head -n 1 > /dev/null
[ "$(cat code)" -eq 5 ] || fail "a closed pipe: exit code $(cat code), not 5"
grep -q "the run is saved" messages || fail "a closed pipe: $(cat messages)"
expect 0 "" "$gkvae" sample piped -n 4

# eval stops too.
"$gkvae" eval whole --samples 100000 > lines 2> messages &
process=$!
sleep 0.7
code=0
kill -s INT $process
wait $process || code=$?
[ $code -eq 130 ] || fail "eval: exit code $code after SIGINT, not 130: $(cat messages)"
[ -e whole/metrics.json ] && fail "an interrupted evaluation left figures"

# If the model is replaced during its evaluation, the figures are of the previous model.
"$gkvae" eval whole --samples 300 --no-pictures > lines 2> messages &
process=$!
wait_for messages "evaluated" || fail "no progress of an evaluation within 20 s"
cp whole/model.safetensors other
mv other whole/model.safetensors
wait $process || fail "eval of a model that was replaced: $(cat messages)"
grep -q "replaced during the evaluation.*Evaluate again" messages ||
    fail "eval: no word of a replaced model: $(cat messages)"
expect 0 "active units" "$gkvae" eval whole --samples 1 --images 20 --no-pictures
grep -q "meanwhile" output && fail "eval warns without a cause"
finish
