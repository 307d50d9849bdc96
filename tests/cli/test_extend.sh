# A finished run is extended to more epochs: the same on any number of threads, and however often it is interrupted.
. "$2/tests/cli/lib.sh"
files="checkpoint.safetensors model.safetensors"
rate() { sed -n "$(($1 + 1))p" "$2/history.csv" | cut -d, -f7; }
for name in whole threads stopped; do
    expect 0 "done" "$gkvae" train mixture.ini --out $name
done
cp -r whole before
expect 0 "the run of 2 epochs is extended to 30" "$gkvae" train --resume --out whole --epochs 30
[ "$(grep -c '^epoch' output)" -eq 28 ] || fail "not 28 more epochs: $(cat output)"
[ "$(wc -l < whole/history.csv)" -eq 31 ] || fail "the history is not of 30 epochs"
grep -q "^epochs = 30" whole/config.ini || fail "config.ini has not the new epochs"
is_true "$(rate 2 whole) < 0.001 && $(rate 3 whole) > 0.0029 && $(rate 30 whole) < 0.0002" ||
    fail "the learning rates are $(rate 2 whole), $(rate 3 whole), …, $(rate 30 whole)"
expect 0 "active units" "$gkvae" eval whole --samples 1 --images 50 --no-pictures
expect 0 "is extended" "$gkvae" train --resume --out threads --epochs 30 --threads 2
"$gkvae" train --resume --out stopped --epochs 30 > lines 2> messages &
process=$!
wait_for lines "epoch  5/30" || fail "the extension does not go on: $(cat messages)"
kill -s INT $process
wait $process
[ $? -eq 130 ] || fail "the extension was not interrupted"
expect 4 "before train.epochs = 40 extends it (--resume alone)" "$gkvae" train --resume --out stopped --epochs 40
expect 0 "done" "$gkvae" train --resume --out stopped
for file in $files; do
    for name in threads stopped; do
        cmp -s whole/$file $name/$file || fail "$file of the run $name is another"
    done
done
cmp -s whole/config.ini stopped/config.ini || fail "config.ini of an interrupted extension is another"
expect 4 "a run can be resumed only with its original settings" "$gkvae" train --resume --out before --epochs 1
expect 4 "model.latent" "$gkvae" train --resume --out before --epochs 3 --set model.latent=5
cmp -s before/config.ini whole/config.ini && fail "a refused extension changed config.ini"
expect 0 "done" "$gkvae" train --resume --out before
finish
