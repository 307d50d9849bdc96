# Mixtures: small clusters, several starts, the choice of K, responsibilities, no shrinkage.
. "$2/tests/cli/lib.sh"
fixtures=$source/tests/fixtures/mixtures
flat() { sed -n "s/^  \"$2\": \([^,{]*\),*$/\1/p" "$1"; }

# A cluster of ten values far away, and ten equal values.
for normal in "" --normal; do
    expect 0 "" "$gkvae" fit "$fixtures/small10.csv" -K 2 --json --quiet $normal
    is_true "$(flat output log_likelihood) >= -185.5" || fail "small10: $(flat output log_likelihood)"
    [ "$(flat output converged)" = true ] || fail "small10 has not converged"
    grep -q '"A": 10.06796999' output || fail "no component at the mean of the ten: $(grep '"A"' output)"
    expect 0 "" "$gkvae" fit "$fixtures/ties10.csv" -K 2 --json --quiet $normal
    is_true "$(flat output log_likelihood) >= -128" || fail "ties10: $(flat output log_likelihood)"
    grep -A1 '"A": 10\.0,' output | grep -q '"B": 0\.001' || fail "no component of the ten equal values: $(cat output)"
done

# An outlier is no component, and the line says that there is one.
{ cat "$fixtures/small10.csv"; echo 1e6; } > outlier.csv
expect 0 "lines that no component explains: 1" "$gkvae" fit outlier.csv -K 2 --quiet
grep -q "0.0909.*10.068" output || fail "an outlier changes the small cluster: $(cat output)"

# Old Faithful. An independent EM with 30 random starts in NumPy found the maxima −1289.7967, −1130.2640 and −1119.2140
# for one to three normal components. mclust's VVV has the second one too.
faithful="$fixtures/faithful.csv --normal --shrinkage none --quiet"
expect 0 "" "$gkvae" fit $faithful -K 2 --json --tolerance 1e-7
is_true "($(flat output log_likelihood) + 1130.26396)^2 < 1e-8" || fail "faithful: $(flat output log_likelihood)"
for value in 0.6441 0.3558 4.28966 79.9681 2.03638 54.4785; do
    grep -q "\"\(weight\|A\)\": $value" output || fail "faithful: no $value in $(cat output)"
done
expect 0 "" "$gkvae" fit $faithful -K 1 --json
is_true "($(flat output log_likelihood) + 1289.79675)^2 < 1e-8" || fail "faithful, K = 1: $(flat output log_likelihood)"
expect 0 "" "$gkvae" fit $faithful -K 3 --json
is_true "$(flat output log_likelihood) >= -1119.22" || fail "faithful, K = 3: $(flat output log_likelihood)"
expect 0 "" "$gkvae" fit "$fixtures/faithful.csv" --normal --quiet -K 2 --json --shrinkage default
is_true "$(flat output log_likelihood) < -1130.27" || fail "the default has no shrinkage: $(flat output log_likelihood)"

# The choice of K, in the table and in JSON; the log-likelihood does not decrease.
expect 0 "chosen" "$gkvae" fit $faithful -K 1..4
awk '$1 == "K" { table = 1; next } $1 == "component" { table = 0 }
     table { if ($2 < last && NR > 2) bad = 1; last = $2; rows++; if ($5 == "chosen") k = $1; if (!best || $4 < best) { best = $4; least = $1 } }
     END { exit !(rows == 4 && k == 2 && least == 2 && !bad) }' output || fail "the choice of K: $(cat output)"
grep -q "^272 lines, log-likelihood -1130.26" output || fail "not the chosen fit: $(cat output)"
expect 0 '"tried"' "$gkvae" fit $faithful -K 1..4 --json
python3 - output << 'END' || fail "tried: $(cat output)"
import json, sys
fit = json.load(open(sys.argv[1]))
tried = fit["tried"]
assert [row["components"] for row in tried] == [1, 2, 3, 4]
assert [row["chosen"] for row in tried] == [False, True, False, False]
assert len(fit["components"]) == 2 and fit["bic"] == tried[1]["bic"] == min(row["bic"] for row in tried)
assert fit["last_gain"] < fit["tolerance"] and fit["unexplained"] == 0
END
cp output two.json
expect 0 "" "$gkvae" fit $faithful -K 1..4 --json --threads 3
cmp -s output two.json || fail "a choice is another on other threads"

# Responsibilities, in the order of the rows; those of rows with missing values are empty.
awk -F, 'NR == 3 { print $1 ","; next } NR == 9 { print "NA," $2; next } { print }' "$fixtures/faithful.csv" > gaps.csv
expect 0 "component" "$gkvae" fit gaps.csv -K 2 --normal --responsibilities r.csv --held-out 0.2
[ "$(wc -l < r.csv)" -eq 273 ] || fail "$(wc -l < r.csv) lines of responsibilities"
[ "$(sed -n 3p r.csv)$(sed -n 9p r.csv)" = ",,,," ] || fail "rows with missing values: $(sed -n '3p;9p' r.csv)"
head -n 1 r.csv | grep -qx "component,responsibility_1,responsibility_2" || fail "the header: $(head -n 1 r.csv)"
paste -d, gaps.csv r.csv | awk -F, 'NR > 1 && $3 != "" { if (($4 + $5 - 1)^2 > 1e-18 || $($3 + 3) < 0.5) bad++
     short[$3] += $1 < 3; all[$3]++ } END { for (k in all) if (short[k] > 3 && short[k] < all[k] - 3) bad++; exit bad || all[1] + all[2] != 270 }' ||
    fail "responsibilities do not belong to their rows"
expect 0 "component" "$gkvae" fit gaps.csv -K 2 --normal --responsibilities r.npy --held-out 0.2
python3 - << 'END' || fail "the responsibilities of r.npy are not those of r.csv"
import struct
data = open("r.npy", "rb").read()
size = struct.unpack("<H", data[8:10])[0]
assert b"(272, 3)" in data[10:10 + size]
values = struct.unpack("<%dd" % (272 * 3), data[10 + size:])
for i, line in enumerate(open("r.csv").read().split("\n")[1:273]):
    for value, cell in zip(values[3 * i:3 * i + 3], line.split(",")):
        assert value != value if cell == "" else abs(value - float(cell)) < 1e-11
END

# More starts are never worse, and depend on the seed only.
expect 0 "" "$gkvae" fit "$fixtures/faithful.csv" --normal -K 4 --json --quiet --restarts 1
one=$(flat output log_likelihood)
expect 0 "" "$gkvae" fit "$fixtures/faithful.csv" --normal -K 4 --json --quiet --restarts 20
is_true "$(flat output log_likelihood) > $one - 0.1" || fail "20 starts: $(flat output log_likelihood), one: $one"

expect 2 "a whole number" "$gkvae" fit gaps.csv -K 0..3
expect 2 "must not be smaller" "$gkvae" fit gaps.csv -K 3..2
expect 2 "a range is written A..B" "$gkvae" fit gaps.csv -K 1..
expect 2 "must be none or default" "$gkvae" fit gaps.csv -K 2 --shrinkage some
expect 2 "must end in .csv or .npy" "$gkvae" fit gaps.csv -K 2 --responsibilities r.txt
expect 2 "--responsibilities goes with --mixture" "$gkvae" fit gaps.csv --responsibilities r.csv
expect 2 "--restarts goes with --mixture" "$gkvae" fit gaps.csv --restarts 3
expect 2 "--shrinkage goes with --mixture" "$gkvae" fit gaps.csv --shrinkage none
expect 2 "which the command needs itself" "$gkvae" fit gaps.csv -K 2 --responsibilities gaps.csv
expect 5 "" "$gkvae" fit gaps.csv -K 2 --responsibilities nowhere/r.csv
finish
