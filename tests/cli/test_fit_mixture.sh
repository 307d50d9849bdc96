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

# An outlier is not a component, and the line says that there is one.
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

# A column in another unit has the same fit, with A, B and log L in that unit; what no double holds names its column.
in_unit() { awk -v s="$1" 'BEGIN { srand(2); print "a,b"; for (i = 0; i < 80; i++) { printf "%.17g,", (rand() + rand()) * s; printf "%.17g\n", rand() + rand() } }'; }
in_unit 1 > unit.csv
for options in "" --normal; do
    expect 0 "" "$gkvae" fit unit.csv -K 2 --json --quiet $options
    cp output unit.json
    for scale in 1e155 1e-300 1e300; do
        in_unit $scale > scaled.csv
        expect 0 "" "$gkvae" fit scaled.csv -K 2 --json --quiet $options
        python3 - unit.json output $scale << 'END' || fail "times $scale $options: $(cat output)"
import json, math, sys
one, other = (json.load(open(name)) for name in sys.argv[1:3])
scale = float(sys.argv[3])
near = lambda a, b: abs(a - b) <= 1e-6 * max(1, abs(b))
assert near(other["log_likelihood"] + 80 * math.log(scale), one["log_likelihood"])
assert other["unexplained"] == one["unexplained"] and other["iterations"] == one["iterations"]
assert len(one["components"]) == len(other["components"])
for a, b in zip(one["components"], other["components"]):
    assert near(b["weight"], a["weight"])
    for p, q, unit in zip(a["margins"], b["margins"], (scale, 1)):
        assert near(q["A"] / unit, p["A"]) and near(q["B"] / unit, p["B"]) and near(q["g"], p["g"]) and near(q["k"], p["k"])
END
    done
done
in_unit 1e-310 > scaled.csv
expect 3 "a: A or B of component 1 is out of the range of a double" "$gkvae" fit scaled.csv -K 2
{ in_unit 1e-300; echo 1e20,1; } > scaled.csv
expect 3 "the range of a, " "$gkvae" fit scaled.csv -K 2

# The numbers of components that are possible are fitted, the others are named.
head -n 6 unit.csv | cut -d, -f1 > five.csv
expect 0 "6 components are not fitted: each needs a line, and the fit has only 5" "$gkvae" fit five.csv -K 1..6 --json --quiet
[ "$(grep -c '"chosen"' output)" -eq 5 ] || fail "not 1 to 5 components: $(cat output)"
expect 0 "6 to 9 components are not fitted" "$gkvae" fit five.csv -K 5..9 --quiet
expect 2 "a mixture of 7 components cannot be fitted to 5" "$gkvae" fit five.csv -K 6..7
printf 'v\n1\n1\n1\n2\n2\n2\n3\n3\n3\n3\n' > three.csv
expect 0 "4 to 5 components are not fitted: 4 components need as many different rows, but there are only 3" \
    "$gkvae" fit three.csv -K 1..5 --json --quiet
[ "$(grep -c '"chosen"' output)" -eq 3 ] || fail "not 1 to 3 components: $(cat output)"
expect 3 "there are only 3" "$gkvae" fit three.csv -K 4..5

# Columns of which one follows from the others are noted, in every component.
awk -F, -v OFS=, 'NR == 1 { print "a,b"; next } { print $1, 2 * $1 + 1 }' unit.csv > collinear.csv
for options in "-K 1" "-K 2" "-K 2 --normal --json"; do
    expect 0 "component 1: the normal scores of b depend linearly on those of the columns before it" "$gkvae" fit collinear.csv $options
done
awk -F, -v OFS=, 'NR == 1 { print "a,b,c"; next } { print $1, $2, $1 - $2 }' unit.csv > collinear.csv
expect 0 "component 1: the normal scores of c depend" "$gkvae" fit collinear.csv -K 1 --normal --shrinkage none
expect 0 "c is a linear function of the columns before it" "$gkvae" fit collinear.csv -K 2
expect 0 "" "$gkvae" fit unit.csv -K 2
grep -q "linear" output && fail "a note on columns that do not depend on each other: $(cat output)"

# No component of equal values is narrower than the least B, so that BIC finds the two groups of each column.
awk 'BEGIN { srand(4); print "v,group"; for (i = 0; i < 300; i++)
    printf "%.4f,%d\n", sqrt(-2 * log(1 - rand())) * cos(6.2831853 * rand()), 5 * (i % 2) }' > groups.csv
expect 0 "" "$gkvae" fit groups.csv -K 1..4 --quiet
grep -q "^2 .* chosen$" output || fail "not the two groups: $(cat output)"

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
