# gkvae density: a fit, its folder, and what the other commands read from it.
. "$2/tests/cli/lib.sh"
density() { "$gkvae" density "$@"; }
returns=$source/examples/returns/returns.csv
fast="--folds 2 --updates 40 --components 2 --quiet"

# A table of 400 rows; its last column depends on the first.
awk -F, '!/^#/ && NR < 403 { print $2 "," $3 (/index/ ? ",spread" : "," $2 * 2 - $3 + $3 * $3) }' "$returns" > table.csv
head -n 1 table.csv | grep -q "^index,currency,spread$" || fail "no table: $(head -n 2 table.csv)"
# shellcheck disable=SC2086
expect 0 "kept in run" "$gkvae" density fit table.csv --out run $fast
grep -q "^\* " output || fail "no candidate is chosen: $(cat output)"
for name in index currency spread t-copula normal-mixture gk-mixture flow; do
    grep -q "$name" output || fail "the tables lack $name"
done
for file in density.safetensors density.json index.html margins-1.png pair-1.png calibration-1.png; do
    [ -s "run/$file" ] || fail "no run/$file"
done
is_png run/pair-1.png || fail "run/pair-1.png is no picture"
grep -q '"schema": "gkvae-density-1"' run/density.json || fail "the schema: $(head -n 3 run/density.json)"
[ -e run/checkpoint.safetensors ] && fail "a finished fit has a checkpoint"

# The same bytes on any number of threads; --json prints the file.
# shellcheck disable=SC2086
density fit table.csv --out again $fast --threads 2 --no-page --json > again.json || fail "the second fit"
cmp -s run/density.safetensors again/density.safetensors || fail "threads change the density"
cmp -s again.json run/density.json || fail "--json and density.json differ"
[ -e again/index.html ] && fail "--no-page writes a page"
# shellcheck disable=SC2086
expect 4 "--overwrite replaces it" "$gkvae" density fit table.csv --out run $fast
expect 4 "no interrupted fit" "$gkvae" density fit table.csv --out new --resume

# log-density, eval: the mean of one is the figure of the other.
density log-density run table.csv --candidate gk-mixture > log || fail "log-density"
[ "$(wc -l < log)" -eq 400 ] || fail "$(wc -l < log) log densities"
mean=$(awk '{ s += $1 } END { printf "%.12g", s / NR }' log)
density eval run table.csv --json --quiet > eval.json || fail "eval"
of_eval=$(grep -A 1 '"gk-mixture",' eval.json | sed -n 's/.*"mean": \(.*\),/\1/p')
is_true "($mean - ($of_eval))^2 < 1e-16" || fail "the mean is $mean, that of eval is $of_eval"
expect 0 "mean log f" "$gkvae" density eval run table.csv
chosen=$(sed -n 's/.*"chosen": "\(.*\)".*/\1/p' run/density.json | head -n 1)
density log-density run table.csv > log-chosen || fail "log-density"
density log-density run table.csv --candidate "$chosen" | cmp -s - log-chosen || fail "the candidate $chosen is chosen"
[ "$chosen" != t-copula ] && density log-density run table.csv --candidate t-copula | cmp -s - log-chosen &&
    fail "the t copula is taken, and $chosen is chosen"
awk 'NR == 3 { sub(/^[^,]*/, "NA") } NR < 5 { print }' table.csv > gap.csv
[ "$(density log-density run gap.csv --quiet | sed -n 2p)" = nan ] || fail "a row with a missing value"
expect 0 "2 rows" "$gkvae" density eval run gap.csv
printf 'index,currency,spread\nNA,1,2\n3,NA,4\n5,6,NA\n' > gaps.csv
expect 3 "every row has a missing value" "$gkvae" density eval run gaps.csv

# sample: a function of seed and row; the file formats hold the same.
density sample run -n 300 --seed 3 > draws.csv || fail "sample"
[ "$(head -n 1 draws.csv)" = index,currency,spread ] && [ "$(wc -l < draws.csv)" -eq 301 ] || fail "draws"
density sample run -n 20 --seed 3 | cmp -s - <(head -n 21 draws.csv) || fail "fewer draws are no beginning of more"
density sample run -n 300 --seed 3 --out draws.npy && [ "$(wc -c < draws.npy)" -eq $((128 + 7200)) ] || fail "draws.npy"
density log-density run draws.npy --quiet > a && density log-density run draws.csv --quiet > b && cmp -s a b ||
    fail "text and array hold other draws"

# conditional: another candidate than the flow; the draws agree with the quantiles.
expect 0 "50 %" "$gkvae" density conditional run --given index=1 --candidate t-copula
density conditional run --given index=1,spread=2 --candidate gk-mixture -n 2000 > given.csv || fail "conditional draws"
[ "$(wc -l < given.csv)" -eq 2000 ] || fail "$(wc -l < given.csv) draws of the other column"
density conditional run --given index=1,spread=2 --candidate gk-mixture --json > given.json || fail "conditional"
median=$(sed -n 's/.*"0.5": \(.*\),/\1/p' given.json)
share=$(awk -v m="$median" '{ s += $1 < m } END { print s / NR }' given.csv)
is_true "($share - 0.5)^2 < 0.0025" || fail "$share of the draws are below the median $median"
expect 2 "no conditional density in closed form" "$gkvae" density conditional run --given index=1 --candidate flow
expect 2 "such as t-copula" "$gkvae" density conditional run --given index=1 --candidate flow
expect 2 "must be t-copula, normal-mixture, gk-mixture or flow" "$gkvae" density conditional run --given index=1 --candidate kde
expect 2 'no column "gold"' "$gkvae" density conditional run --given gold=1 --candidate t-copula
expect 2 "is needed" "$gkvae" density conditional run

# outliers: the row that was changed comes first, with the least p-value.
awk -F, -v OFS=, 'NR == 8 { $1 = 9; $2 = -9 } { print }' table.csv > strange.csv
density outliers run strange.csv -n 3 --candidate gk-mixture --quiet > list || fail "outliers"
[ "$(awk 'NR == 2 { print $1, $3 }' list)" = "7 0.00249" ] || fail "the outlier: $(cat list)"
density outliers run strange.csv -n 2 --json --quiet | grep -q '"row": 7' || fail "outliers as JSON"

# Intervals: a column from two, of which one end may be open.
awk -F, 'NR == 1 { print "index,low,high" } NR > 1 { print $1 "," ($2 > 0.4 ? 0.4 : $2) "," ($2 > 0.4 ? "" : $2) }' table.csv > ends.csv
# shellcheck disable=SC2086
expect 0 "intervals" "$gkvae" density fit ends.csv --lower low --upper high --out ends $fast --no-page --candidates t-copula
expect 2 "need each other" "$gkvae" density fit ends.csv --lower low --out other

# Bad input.
expect 2 "is needed" "$gkvae" density fit table.csv
expect 2 "candidates kde: must be t-copula, normal-mixture, gk-mixture or flow" "$gkvae" density fit table.csv --out new --candidates t-copula,kde
expect 2 "must be auto, g-and-k, t or spline" "$gkvae" density fit table.csv --out new --margin normal
expect 2 "neither auto, none" "$gkvae" density fit table.csv --out new --resolution wide
expect 2 "must be one of none, realnvp, spline" "$gkvae" density fit table.csv --out new --flow none-such
head -n 10 table.csv > few.csv
expect 3 "9 rows are too few" "$gkvae" density fit few.csv --out new
head -n 13 table.csv > few.csv
expect 0 "12 rows say little" "$gkvae" density fit few.csv --out few $fast
awk -F, -v OFS=, '{ print $0, NR == 1 ? "same" : 5 }' table.csv > constant.csv
expect 3 "column 4 (same) is constant" "$gkvae" density fit constant.csv --out new --quiet
awk -F, -v OFS=, '{ print $0, NR == 1 ? "copy" : $1 }' table.csv > copy.csv
expect 3 "(index) and 4 (copy) are equal" "$gkvae" density fit copy.csv --out new --quiet
expect 4 "there is no density" "$gkvae" density sample .
expect 5 "there is no density" "$gkvae" density sample none
printf 'no density' > bad.safetensors
expect 3 "bad.safetensors" "$gkvae" density sample bad.safetensors

# Atoms are said.
awk -F, -v OFS=, 'NR > 1 && NR % 4 == 0 { $2 = 0 } { print }' table.csv > atoms.csv
expect 0 "column currency: the value 0 is" "$gkvae" density fit atoms.csv --out atoms --folds 2 --candidates t-copula --no-page

# Ctrl-C keeps the training of the flow. It continues only with the same options.
"$gkvae" density fit table.csv --out stopped --folds 2 --updates 4000 --components 2 --candidates flow --no-page \
    > progress 2>&1 &
pid=$!
for _ in $(seq 400); do
    [ -e stopped ] && break
    sleep 0.05
done
sleep 1
kill -INT $pid
wait $pid
code=$?
if [ $code -eq 130 ] && [ -e stopped/checkpoint.safetensors ]; then
    expect 4 "of a fit to other rows or with other settings" "$gkvae" density fit table.csv --out stopped --resume \
        --folds 2 --updates 30 --components 2 --candidates flow --no-page --quiet
    # A density that cannot be saved leaves the state.
    mkdir stopped/density.safetensors
    expect 5 "stopped/density.safetensors: " "$gkvae" density fit table.csv --out stopped --resume --folds 2 \
        --updates 4000 --components 2 --candidates flow --no-page --quiet
    [ -e stopped/checkpoint.safetensors ] || fail "the state of a fit went before its density was kept"
    rmdir stopped/density.safetensors
    expect 0 "kept in stopped" "$gkvae" density fit table.csv --out stopped --resume --folds 2 --updates 4000 \
        --components 2 --candidates flow --no-page --quiet
    [ ! -e stopped/checkpoint.safetensors ] || fail "a finished fit has a checkpoint"
fi
finish
