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
expect 4 "or name another folder (--resume, --overwrite)" train --out theirs
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

# No escape sequence of a name reaches the terminal, on standard output and standard error, in UTF-8 and as a byte.
printf 'a\033[31mb,c\302\233d,\303\251\n' > named.csv
seq 12 | awk '{ print $1 "," 2 * $1 "," 3 * $1 % 7 }' >> named.csv
expect 0 "a?[31mb" "$gkvae" fit named.csv --method octile
grep -q "c?d" output && grep -q "é" output || fail "the names of columns: $(cat -v output)"
expect 5 "x?[2Jy?z" "$gkvae" fit "$(printf 'x\033[2Jy\233z')"
expect 2 "nosuch?[1m" "$gkvae" sample "--nosuch$(printf '\033[1m')"
expect 2 "gkvae" "$gkvae" fit "--head$(printf '\033[1m')"
LC_ALL=C grep -q "$(printf '\033')" output && fail "an escape sequence of an option: $(cat -v output)"

# Why standard output cannot be written, also if an earlier write has failed.
"$gkvae" gk sample --params 0,1,0,0 -n 100000 > /dev/full 2> output && fail "a full standard output, exit code 0"
grep -q "standard output: No space left on device" output || fail "the reason is lost: $(cat output)"

# A small file of JSON that would fill the memory.
{ printf '['; yes '[],' | head -n 2000000 | tr -d '\n'; printf '[]]'; } > many.json
expect 3 "more memory" "$gkvae" gk quantile --fit many.json 0.5

# Images that are probably not meant: a warning before the first step.
expect 0 "dark on a bright ground" "$gkvae" train small.ini --epochs 1 --out inverted --set data.invert=yes
grep -q "after 1 epoch, " output || fail "the end of a run of one epoch: $(cat output)"
expect 0 "there are no test images for an evaluation" "$gkvae" train small.ini --epochs 1 --out untested \
    --set data.test_images=nowhere.idx
finish
