# bench/study.py: what is done is not done again, and what is not done is not taken for it. With a program that only
# notes how it was called.
. "$2/tests/cli/lib.sh"
command -v python3 > /dev/null || exit 77

cat > program << 'END'
#!/bin/sh
echo "$1" >> calls
if [ "$1" = train ]; then
    [ -e no-training ] && exit 1
    exit 0
fi
[ -e no-evaluation ] && exit 1
echo '{"neg_elbo": 90, "nll": 85, "train_seconds": 1, "refit_seconds": 0, "protocol": "none"}' > "$2/metrics.json"
END
chmod +x program
printf 'config: c.ini\n*: train.epochs=1\neval: --samples 5\na: model.base=normal\n' > try.txt
echo one > c.ini
mark=runs/try/a-1/trained

# study CODE CALLS: it ends so, having called the program for these.
study() {
    : > calls
    expect "$1" "" python3 "$source/bench/study.py" try.txt --seeds 1 --program ./program --out runs
    [ "$(tr '\n' ' ' < calls)" = "$2" ] || fail "the program was called for: $(tr '\n' ' ' < calls)not: $2"
}

study 0 "train eval "
study 0 ""
[ "$(head -1 $mark)" = "c.ini train.seed=1 train.epochs=1 model.base=normal" ] || fail "the mark: $(cat $mark)"
[ "$(sed -n 's/^c.ini: sha256 [0-9a-f]*$/known/p' $mark)" = known ] || fail "no sum in the mark: $(cat $mark)"
echo two > c.ini
study 0 "train eval "

# Stopped on the way, and then asked for what was there before.
echo three > c.ini
touch no-training
study 1 "train "
rm no-training
echo two > c.ini
study 0 "train eval "
echo three > c.ini
touch no-evaluation
study 1 "train eval "
rm no-evaluation
study 0 "eval "

# Marks without a sum are as good as ever.
printf '%s' "$(head -1 $mark)" > older
mv older $mark
echo four > c.ini
study 0 ""
finish
