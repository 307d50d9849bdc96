# Evaluations of a run that is being trained: figures of the model that was there, and a whole page.
. "$2/tests/cli/lib.sh"
"$gkvae" train small.ini --out run --epochs 100000 > lines 2> messages &
process=$!
wait_for lines "epoch      3/100000" || fail "training does not begin: $(cat lines messages)"
for i in 1 2 3 4; do
    expect 0 "the results page" "$gkvae" eval run --samples 1 --images 50
    for file in metrics.json index.html samples.png curves.png terms.png; do
        [ -s "run/$file" ] || fail "evaluation $i during training: no $file"
    done
    expect 0 "neg_elbo" cat run/metrics.json
done
kill -s INT $process
wait $process
[ -e run/index.html ] && fail "the page of an older model stays after training"
ls -A run | grep -q "tmp\|^[.]" && fail "temporary files stay: $(ls -A run)"

# Training that ends during an evaluation does not remove what it writes.
"$gkvae" train --resume --out run --epochs 100000 > lines 2> messages &
process=$!
wait_for lines "epoch" || fail "training does not continue"
"$gkvae" eval run --samples 2 > figures 2> notes &
evaluation=$!
sleep 0.3
kill -s INT $process
wait $process
wait $evaluation || fail "an evaluation fails if training ends: $(cat notes)"
[ -s run/metrics.json ] && [ -s run/index.html ] || fail "the files of an evaluation that outlives training"
finish
