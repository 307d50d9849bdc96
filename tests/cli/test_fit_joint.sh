# Fits of several columns together, and mixtures.
. "$2/tests/cli/lib.sh"

# Two g-and-k columns with correlated normal scores, and two clusters in the plane.
cat > simulate.awk << 'END'
function uniform() { s = (s * 16807) % 2147483647; return s / 2147483647 }
function normal() { return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform()) }
function gk(a, b, g, k, z,  t) { t = exp(g * z); return a + b * (1 + 0.8 * (t - 1) / (t + 1)) * z * (1 + z * z)^k }
BEGIN { s = 54321
        print "first,second" > "pair.csv"
        print "x y" > "clusters.txt"
        for (i = 0; i < 5000; i++) {
            z = normal(); u = 0.6 * z + 0.8 * normal()
            printf "%.12g,%.12g\n", gk(3, 1.5, 0.5, 0.2, z), gk(-1, 2, -0.3, 0.1, u) > "pair.csv"
            if (uniform() < 0.3) printf "%.12g %.12g\n", gk(-5, 1, 0.5, 0.1, normal()), normal() > "clusters.txt"
            else printf "%.12g %.12g\n", 5 + normal(), gk(3, 1, -0.5, 0.1, normal()) > "clusters.txt"
        } }
END
awk -f simulate.awk
flat() { sed -n "s/^  \"$2\": \([^,{]*\),*$/\1/p" "$1"; }

expect 0 "correlation of the normal scores" "$gkvae" fit pair.csv --multivariate --picture pair.png
is_png pair.png || fail "no picture of a multivariate fit"
awk '$1 == "second" && $3 == "±" { n++; if (($2 - 0.6)^2 > (4 * $4)^2 || $4 > 0.02) exit 1 } END { exit n != 1 }' output ||
    fail "the correlation is not 0.6: $(cat output)"
expect 0 '"correlation": [' "$gkvae" fit pair.csv --multivariate --json
cp output pair.json
expect 0 "" "$gkvae" gk quantile --fit pair.json --column first 0.5
is_true "($(cat output) - 3)^2 < 0.02" || fail "the median of a margin: $(cat output)"
expect 0 "" "$gkvae" fit pair.csv --multivariate --normal --json
is_true "$(flat pair.json aic) < $(flat output aic) - 100" || fail "the normal distribution is as good as the true one"
expect 0 "" "$gkvae" fit pair.csv --multivariate --json --threads 1
cmp -s output pair.json || fail "a multivariate fit is another on one thread"
expect 0 "all together" "$gkvae" fit pair.csv --multivariate --normal --picture normal.png
expect 0 "all together" "$gkvae" fit pair.csv --multivariate --method mle
expect 0 "all together" "$gkvae" fit pair.csv --multivariate --fix g=0.5,k=0.2
grep -q "parameters" output && grep -q ", 5 parameters" output || fail "two A, two B and R are not 5 parameters: $(cat output)"
expect 0 "" "$gkvae" fit pair.csv --multivariate --fix g=0.5 --json
awk '/"g": {/ { g = 1 } g && /"estimate"/ { n += $2 == "0.5,"; g = 0 } END { exit n != 2 }' output ||
    fail "--fix g=0.5 did not hold g of both columns: $(cat output)"
expect 2 "first: " "$gkvae" fit pair.csv --multivariate --fix g=1,k=-0.4
awk -F, 'NR == 1 { print "w," $0 } NR > 1 { print 1 "," $0 }' pair.csv > ones.csv
expect 0 "" "$gkvae" fit ones.csv --multivariate --json --weights w
is_true "($(flat output log_likelihood) - $(flat pair.json log_likelihood))^2 < 1e-12 * ($(flat output log_likelihood))^2" ||
    fail "weights of one change a multivariate fit"

# Either all columns are fitted or none. Rows with missing values are dropped.
awk -F, 'NR == 1 { print $0 ",gap" } NR > 1 { print $0 "," (NR == 9 ? "" : NR) }' pair.csv > gap.csv
"$gkvae" fit gap.csv --multivariate --na none > lines 2> messages
code=$?
[ $code -eq 3 ] && [ ! -s lines ] && grep -q "gap.csv:9: gap" messages || fail "a gap: $code, $(cat lines messages)"
expect 0 "1 of 5000 rows dropped: missing values in column gap, the first in line 9" "$gkvae" fit gap.csv --multivariate
sed 9d gap.csv > whole.csv
"$gkvae" fit gap.csv --multivariate --json 2> messages > dropped.json
"$gkvae" fit whole.csv --multivariate --json 2> messages > whole.json
cmp -s dropped.json whole.json || fail "a multivariate fit with a gap is not that of the other rows"
expect 0 "all together" "$gkvae" fit gap.csv --multivariate --column first,second

# The mixture finds the two clusters.
expect 0 "" "$gkvae" fit clusters.txt --mixture 2 --json --quiet --picture clusters.png
is_png clusters.png || fail "no picture of a mixture"
cp output clusters.json
sed -n 's/^      "weight": \([0-9.]*\),*/\1/p' clusters.json > weights
sed -n 's/^ *"A": \([-0-9.e]*\),*/\1/p' clusters.json > centres
sort -n weights | awk 'NR == 1 && ($1 - 0.3)^2 > 0.001 { exit 1 } { s += $1 } END { exit (s - 1)^2 > 1e-20 || NR != 2 }' ||
    fail "the weights are not 0.3 and 0.7: $(cat weights)"
sort -n centres | awk '{ a[NR] = $1 } END { exit !(NR == 4 && (a[1] + 5)^2 < 0.1 && (a[4] - 5)^2 < 0.1) }' ||
    fail "the centres are not −5 and 5: $(cat centres)"
expect 0 "" "$gkvae" fit clusters.txt --mixture 2 --json --quiet --threads 3
cmp -s output clusters.json || fail "a mixture is another on other threads"
expect 0 "held out: 1000 lines" "$gkvae" fit clusters.txt --mixture 3 --held-out 0.2 --seed 5 --quiet
grep -q "^4000 lines" output || fail "not 4000 lines to fit: $(cat output)"
expect 0 "" "$gkvae" fit clusters.txt --mixture 2 --normal --json --quiet
is_true "$(flat clusters.json aic) < $(flat output aic)" || fail "a normal mixture is as good as the true one"
expect 0 "component" "$gkvae" fit pair.csv --column first --mixture 2 --quiet
expect 2 "in one TABLE" "$gkvae" gk pdf --fit clusters.json 0
expect 0 "0." "$gkvae" gk pdf --fit clusters.json --column 1 0

# Two components are at least as good as one, and the fit reports why it stopped.
returns=$source/examples/returns/returns.csv
expect 0 "" "$gkvae" fit "$returns" --column index,currency --multivariate --json
single=$(flat output log_likelihood)
expect 0 "by less than the tolerance, 0.01 nats" "$gkvae" fit "$returns" --column index,currency --mixture 2 --quiet
expect 0 "" "$gkvae" fit "$returns" --column index,currency --mixture 2 --quiet --json
is_true "$(flat output log_likelihood) > $single + 2" || fail "two components: $(flat output log_likelihood), one: $single"
expect 0 "by less than the tolerance, 20 nats" "$gkvae" fit "$returns" --column index,currency --mixture 2 --quiet --tolerance 20
expect 2 "--tolerance goes with --mixture" "$gkvae" fit pair.csv --tolerance 1

# If a column is a function of another, the fit reports this and the repair of R.
awk -F, 'NR == 1 { print "a,b" } NR > 1 { printf "%s,%.17g\n", $1, 2 * $1 + 1 }' pair.csv > double.csv
expect 0 "linearly dependent" "$gkvae" fit double.csv --multivariate --json
"$gkvae" fit double.csv --multivariate --json 2> /dev/null > output
is_true "$(flat output correlation_repair) > 0 && $(flat output correlation_repair) < 1e-3" || fail "no repair: $(cat output)"
is_true "$(flat pair.json correlation_repair) == 0" || fail "a repair of a good correlation"

# An error names the column, once.
awk -F, 'NR == 1 { print $0 ",flat" } NR > 1 { print $0 ",7" }' pair.csv > flat.csv
expect 3 "gkvae: flat: all 5000 values are 7" "$gkvae" fit flat.csv --multivariate
expect 3 "gkvae: flat is constant (7)" "$gkvae" fit flat.csv --mixture 2 --quiet
expect 3 "gkvae: flat is constant (7)" "$gkvae" fit flat.csv --multivariate --normal

# After Ctrl-C the fit so far is printed.
for i in 1 2 3 4 5 6 7 8; do cat clusters.txt; done | grep -v x > more.txt
"$gkvae" fit more.txt --mixture 60 --threads 1 > lines 2> messages &
process=$!
wait_for messages "start 1 of" || fail "no progress of a mixture within 20 s"
kill -s INT $process
code=0
wait $process || code=$?
[ $code -eq 130 ] && grep -q "^component" lines && grep -q "stopped" messages ||
    fail "an interrupted mixture: $code, $(head -n 3 lines) $(cat messages)"
expect 2 "9000 components" "$gkvae" fit clusters.txt --mixture 9000
finish
