# Nothing of others is changed or waited for, and data that are probably not meant are reported.
. "$2/tests/cli/lib.sh"
train() { "$gkvae" train small.ini --epochs 1 -q "$@"; }

# A folder that training refuses stays as it was.
mkdir theirs
echo notes > theirs/lock
echo mine > theirs/paper.gkvae-tmp-1-2
echo x > theirs/config.ini
expect 5 "not a lock file of gkvae" train --out theirs
rm theirs/lock
expect 4 "already holds a run" train --out theirs
[ "$(cat theirs/paper.gkvae-tmp-1-2)" = mine ] || fail "a file of theirs was removed, though training was refused"
echo precious > victim
mkdir linked
ln -s ../victim linked/lock
expect 5 "not a lock file of gkvae" train --out linked
[ "$(cat victim)" = precious ] || fail "the target of a link named lock was changed"

# Pipes in the place of files of a run.
expect 0 "" train --out run
for file in history.jsonl refits.jsonl times.json config.ini history.csv; do
    cp -r run broken
    rm -f "broken/$file"
    mkfifo "broken/$file"
    code=0
    timeout -k 1 60 "$gkvae" eval -q --samples 1 --images 20 --no-generation broken > output 2>&1 || code=$?
    [ "$code" -lt 124 ] || fail "eval waits for ever if $file is a pipe"
    rm -rf broken
done

# With its standard output closed, the program does not write into the first file that it opens.
code=0
"$gkvae" train small.ini --epochs 1 --out quiet >&- 2> output || code=$?
[ -s quiet/lock ] && grep -q . quiet/lock && fail "text went into the lock file: $(cat quiet/lock)"
[ -e quiet/model.safetensors ] || fail "no model without standard output (exit code $code): $(cat output)"

# Images that are probably not meant: a warning before the first step.
expect 0 "dark on a bright ground" "$gkvae" train small.ini --epochs 1 --out inverted --set data.invert=yes
grep -q "after 1 epoch, " output || fail "the end of a run of one epoch: $(cat output)"
expect 0 "there are no test images for an evaluation" "$gkvae" train small.ini --epochs 1 --out untested \
    --set data.test_images=nowhere.idx
finish
