# Help, the table of settings, misspelt arguments, and a full standard output.
. "$2/tests/cli/lib.sh"

expect 0 "Exit codes:" "$gkvae" --help
for code in 0 1 2 3 4 5 6 7 8 129 130 143; do
    grep -qE "^  $code +[a-z]" output || fail "exit code $code is not in gkvae --help"
    grep -qE "^\| $code \|" "$source/docs/exit-codes.md" || fail "exit code $code is not in docs/exit-codes.md"
done
for command in "data get" "data info" train eval sample reconstruct interpolate encode features "features train" \
    explore export "base fit" compare fit gk \
    "density fit" "density eval" "density sample" "density log-density" "density conditional" "density outliers" \
    bench settings; do
    # shellcheck disable=SC2086
    expect 0 "default" "$gkvae" $command --help
    grep -q "Usage: gkvae $command" output || fail "gkvae $command --help does not show its usage"
    # Each option is one or more lines, and states its default unless it is required.
    sed -n '/^  -/,/^ *-?/p' output | tr '\n' ' ' | sed 's/  -\([a-zA-Z]\), --/\n&/g' | grep -- '--' |
        grep -vE 'default|required|--to=|--help' && fail "options of gkvae $command without a default"
    # A second file, folder or list would be what the user wanted too; only --fix, --start and --bounds take several.
    for option in $(grep -oE -- '--[a-z-]+=([^ ]*(FILE|FOLDER)|[^ ]*,(\.\.\.|…))' output | grep -vE '^--(fix|start|bounds)=' | sed 's/=.*//'); do
        # shellcheck disable=SC2086
        expect 2 "is given twice, as one and as two: choose one" "$gkvae" $command $option one "$option=two"
        counted=$((${counted:-0} + 1))
    done
    # shellcheck disable=SC2086
    expect 0 "Usage: gkvae $command" "$gkvae" help ${command/settings/settings --help}
done
[ "$counted" -ge 36 ] || fail "only $counted options were given twice"
# Of other options the last value counts.
expect 0 "8.5" "$gkvae" gk quantile -p 1,2,0,0 -p 8.5,2,0,0 0.5
expect 0 "mnist" "$gkvae" data list
expect 0 "gkvae $(cat "$source/VERSION")" "$gkvae" version
expect 0 "gkvae $(cat "$source/VERSION")" "$gkvae" --version
expect 0 "latent = 24" "$gkvae" settings
expect 0 "latent = 24" "$gkvae" help settings

# The page must be up to date with the table.
"$gkvae" settings --markdown > configuration.md
cmp -s configuration.md "$source/docs/configuration.md" ||
    fail "docs/configuration.md is out of date: gkvae settings --markdown makes it"

expect 2 "Usage: gkvae COMMAND" "$gkvae"
expect 2 'nearest is "train"' "$gkvae" trian
expect 2 'nearest is "data get"' "$gkvae" data gte
expect 2 'nearest is "base fit"' "$gkvae" base
expect 2 "gkvae data list" "$gkvae" data
expect 2 "gkvae density fit TABLE" "$gkvae" density
expect 0 "gkvae density fit TABLE" "$gkvae" density --help
expect 2 'nearest is "density outliers"' "$gkvae" density outlier
expect 2 "nearest is --epochs" "$gkvae" train --epohcs 3 --out run
expect 2 "nearest is --samples" "$gkvae" eval run --sample=3 --smaples 4
expect 2 "gkvae --help" "$gkvae" --train
expect 2 "is needed" "$gkvae" train
expect 2 "is needed" "$gkvae" eval
expect 2 "is needed" "$gkvae" fit
expect 2 "requires an argument" "$gkvae" train --out
expect 2 "section.key=value" "$gkvae" train --out run --set epochs
expect 2 "choose one" "$gkvae" train --out run --resume --overwrite
expect 2 "too many" "$gkvae" train a.ini b.ini --out run
expect 2 "gkvae data list" "$gkvae" data get
expect 2 "mnist" "$gkvae" data get mnits --folder here
expect 2 "whole number" "$gkvae" sample run -n 0
expect 2 "whole number" "$gkvae" sample run -n -5
expect 2 "whole number" "$gkvae" sample run --seed x
expect 2 "must be a number" "$gkvae" sample run --temperature warm
expect 2 "must be means, medians or draws" "$gkvae" sample run --form mean
expect 2 "whole number" "$gkvae" sample run --first 4294967296
expect 2 "which model" "$gkvae" encode
expect 2 "prior has no images: leave out --idx" "$gkvae" encode run --what prior --idx images
expect 2 "prior-eps has no images: leave out --split" "$gkvae" encode run --split train --what prior-eps
expect 2 "one model only" "$gkvae" encode run other
expect 2 "one model only" "$gkvae" sample run other
expect 2 "is too many" "$gkvae" reconstruct run images other
expect 2 "must be z, eps, mean, prior or prior-eps" "$gkvae" encode run --what u
expect 2 "must be train or test" "$gkvae" encode run --split validation
expect 2 "choose one" "$gkvae" encode run --split test --idx images
expect 2 "the name is empty" "$gkvae" encode run --out ""
expect 2 "nearest is --data-folder" "$gkvae" encode run --data-foldre=x
expect 2 "nearest is --threads" "$gkvae" sample run --thraeds 2
expect 2 "every row needs both" "$gkvae" interpolate run --from 3
expect 2 "follows an option: --set train.epochs=3" "$gkvae" train train.epochs=3 --out run
expect 2 "follows an option: --set eval.seed=2" "$gkvae" eval run eval.seed=2
expect 2 "follow an option: --given index=1" "$gkvae" density conditional run index=1
[ -e run ] && fail "a wrong call left a folder behind"

# Standard output is on a full disk, or closed.
if [ -w /dev/full ]; then
    "$gkvae" settings > /dev/full 2> errors && fail "a full disk went unnoticed"
    grep -q "standard output" errors || fail "a full disk: no message"
    code=0
    "$gkvae" --help > /dev/full 2> /dev/null || code=$?
    [ "$code" -eq 5 ] || fail "gkvae --help on a full disk: exit code $code, not 5"
fi
code=0
"$gkvae" settings >&- 2> errors || code=$?
[ "$code" -eq 5 ] || fail "a closed standard output: exit code $code, not 5"
# The reader is gone: `false` ends without reading.
{ sleep 0.3; "$gkvae" settings 2> errors; echo $? > code; } | false
[ "$(cat code)" -eq 5 ] || fail "a closed pipe: exit code $(cat code), not 5"
finish
