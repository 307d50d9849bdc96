# g-and-k fits of columns of numbers: simulated samples give their parameters back, and
# files without such columns are refused.
. "$2/tests/cli/lib.sh"

# Two g-and-k columns and one of text. Park and Miller's generator and the Box–Muller method give the
# same numbers in every awk.
cat > simulate.awk << 'END'
function uniform() { s = (s * 16807) % 2147483647; return s / 2147483647 }
function normal() { return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform()) }
function gk(a, b, g, k,  z, t) { z = normal(); t = exp(g * z); return a + b * (1 + 0.8 * (t - 1) / (t + 1)) * z * (1 + z * z)^k }
BEGIN { s = 12345; print "first,second,kind"
        for (i = 0; i < 20000; i++) printf "%.12g,%.12g,a%d\n", gk(3, 1.5, 0.5, 0.2), gk(-1, 2, -0.3, 0.1), i }
END
awk -f simulate.awk > two.csv

# near ESTIMATE TRUTH SE: the estimate is within four standard errors of the truth, and the standard error is plausible.
near() {
    is_true "($1 - $2)^2 < ($3 * 4)^2 && $3 > 0.002 && $3 < 0.05" || fail "estimate $1 ± $3, truth $2"
}
expect 0 "goodness of fit" "$gkvae" fit two.csv --column first
awk '$1 ~ /^[ABgk]$/ { print $1, $2, $3, $4, $5 }' output > estimates
[ "$(wc -l < estimates)" -eq 4 ] || fail "not four parameters: $(cat output)"
while read -r name value se low high; do
    case $name in A) truth=3 ;; B) truth=1.5 ;; g) truth=0.5 ;; k) truth=0.2 ;; esac
    near "$value" $truth "$se"
    if [ "$name" = B ]; then # the interval is one of log B
        is_true "(log($value / $low) - 1.96 * $se / $value)^2 < 1e-6 && ($low * $high - $value^2)^2 < 1e-6" ||
            fail "B: the interval $low to $high is not $value times e^(± 1.96 · $se/B)"
    else
        is_true "($low + 1.96 * $se - $value)^2 < 1e-4 && ($high - 1.96 * $se - $value)^2 < 1e-4" ||
            fail "$name: the interval $low to $high is not $value ± 1.96 · $se"
    fi
done < estimates
p=$(sed -n 's/.*p = //p' output)
is_true "$p > 0.001 && $p <= 1" || fail "a true model is rejected: p = $p"

# All columns of numbers are fitted, and printed in one line each. The column of text is left out.
expect 0 "standard error" "$gkvae" fit two.csv
awk '$1 == "first" || $1 == "second" { n++ } $1 == "kind" { n += 9 } END { exit n != 2 }' output ||
    fail "not a line for each of two columns: $(cat output)"
expect 0 "gkvae: columns of text are left out: kind" "$gkvae" fit two.csv
"$gkvae" fit two.csv -c first,second > /dev/null 2> messages
[ -s messages ] && fail "columns that were named, and yet: $(cat messages)"
expect 0 "octile method" "$gkvae" fit two.csv --method octile -c 2
awk '$1 == "g" { exit !($2 < -0.2 && $2 > -0.4) }' output || fail "octiles: g is not near −0.3: $(cat output)"

# JSON, from standard input, with another separator and no header.
tail -n +2 two.csv | tr , ';' > two.txt
expect 0 '"column": "column 2"' "$gkvae" fit - --json --column 2 --levels 50 < two.txt
cp output fit.json
for key in estimate standard_error low high log_likelihood aic bic chi2 p_value degrees_of_freedom converged; do
    grep -q "\"$key\":" fit.json || fail "the JSON has no $key"
done
grep -q '"degrees_of_freedom": 46' fit.json || fail "--levels 50 was not heeded"
tail -n +2 two.csv | tr ',' '\t' > tabs.txt
tail -n +2 two.csv | sed 's/,/   /g; s/^/  /' > blanks.txt
tail -n +2 two.csv | sed 's/$/\r/' > windows.csv
for file in tabs.txt blanks.txt windows.csv; do
    expect 0 '"column": "column 2"' "$gkvae" fit $file --json --column 2 --levels 50
    cmp -s output fit.json || fail "$file gives another fit than with semicolons"
done

expect 0 "goodness" "$gkvae" fit two.csv -c second --picture one.png
expect 0 "first" "$gkvae" fit two.csv --picture both.png
is_png one.png && is_png both.png || fail "--picture left no PNG"

# A gap in a column that is not fitted is ignored. If all columns are fitted, those that can be
# are printed.
awk -F, 'NR == 1 { print $0 ",gaps,constant,late" }
         NR > 1 { print $0 "," (NR == 5 ? "" : NR) ",7," (NR == 2 ? "NA" : NR) }' two.csv > gaps.csv
expect 0 "goodness" "$gkvae" fit gaps.csv --column first
expect 0 "1 of 20000 rows dropped: missing values in column gaps, the first in line 5" "$gkvae" fit gaps.csv --column first,gaps
expect 3 'gaps.csv:5: gaps: "" is not a finite decimal number; leave' "$gkvae" fit gaps.csv --column first,gaps --na none
expect 3 'gaps.csv:2: late: "NA" is not a finite' "$gkvae" fit gaps.csv --column late --na none
"$gkvae" fit gaps.csv --na none > lines 2> messages
code=$?
[ $code -eq 3 ] || fail "columns that cannot be fitted: exit code $code, not 3"
for column in gaps constant late; do
    grep -q "$column" messages || fail "no word of the column $column: $(cat messages)"
    grep -q "^$column" lines && fail "a fit of the column $column: $(cat lines)"
done
grep -q "^first" lines && grep -q "^second" lines || fail "the good columns are not there: $(cat lines)"

# A fault that concerns every column is reported once.
for fixed in c=0 c=1 c=-0.5 A=0,B=1,g=0,k=0; do
    expect 2 "" "$gkvae" fit two.csv --fix $fixed
    grep -q "estimate" output && fail "estimates with --fix $fixed: $(cat output)"
done

# The tails are lighter than those of any k: k ends at its bound, which is reported and is not a failure.
awk 'BEGIN { for (i = 1; i < 80; i++) print i / 80 }' > uniform.csv
awk 'BEGIN { for (i = 1; i < 80; i++) printf "%.12g\n", sqrt(i / 80) - sqrt(1 - i / 80) }' > light.csv
expect 0 "k is at its least valid value" "$gkvae" fit light.csv
expect 0 "g is exactly 0: only there can the tails be so light" "$gkvae" fit uniform.csv
expect 2 "is valid for g = 0 only" "$gkvae" fit uniform.csv --fix k=-0.5
expect 0 "" "$gkvae" fit uniform.csv --fix g=0,k=-0.5
expect 0 "" "$gkvae" fit uniform.csv --fix g=-100
! grep -q "±100" output || fail "a warning of what was asked for: $(cat output)"
expect 0 '"bound": "lower"' "$gkvae" fit light.csv --json
grep -q '"converged": true' output && grep -q '"at_bound": true' output || fail "a fit at its bound: $(cat output)"

# Estimates have as many digits as their standard errors justify.
awk -F, 'NR > 1 { printf "%.10f\n", 1e8 + 1e-4 * $1 }' two.csv > far.csv
expect 0 "100000000.000" "$gkvae" fit far.csv
grep -q "e+08" output && fail "the digits of a far location are lost: $(cat output)"

# --- methods and options ---
json() { "$gkvae" fit --json "$@" > json || fail "gkvae fit --json $*"; }
# parameter FILE NAME KEY: prints this value of a parameter of the only fit in the file.
parameter() { sed -n "/^      \"$2\": {/,/}/s/^ *\"$3\": \([^,]*\),*/\1/p" "$1"; }
flat() { sed -n "s/^ *\"$2\": \([^,{]*\),*$/\1/p" "$1" | head -n 1; }

json two.csv -c first --method mle
cp json mle.json
json two.csv -c first
is_true "$(flat mle.json log_likelihood) >= $(flat json log_likelihood)" || fail "mle is less likely than lm"
for name in A B g k; do
    is_true "($(parameter json $name estimate) - $(parameter mle.json $name estimate)) ^ 2 < \
             ($(parameter json $name standard_error)) ^ 2" || fail "$name: lm and mle are more than a standard error apart"
done
json two.csv -c first --confidence 0.5
is_true "$(parameter json A high) - $(parameter json A estimate) < 0.68 * $(parameter json A standard_error)" ||
    fail "--confidence was not heeded"
[ "$(flat json confidence)" = 0.5 ] || fail "the JSON has another confidence: $(flat json confidence)"

# A weight of 3 equals three copies of the line, and a weight of 0 equals no line.
{ echo w,x; awk -F, 'NR > 1 && NR < 900 { print NR % 3 "," $1 }' two.csv; } > weighted.csv
{ echo x; awk -F, 'NR > 1 && NR < 900 { for (i = 0; i < NR % 3; i++) print $1 }' two.csv; } > repeated.csv
for method in octile lm mle; do
    json weighted.csv --column x --weights w --levels 60 --method $method
    cp json weighted.json
    json repeated.csv --levels 60 --method $method
    for name in A B g k; do
        is_true "($(parameter weighted.json $name estimate) - $(parameter json $name estimate)) ^ 2 < 1e-20" ||
            fail "$method, $name: weights are not as good as repetitions"
    done
done
[ "$(flat weighted.json observations)" = "$(($(wc -l < repeated.csv) - 1)).0" ] || fail "the weights do not add up"
expect 0 "that stand for" "$gkvae" fit weighted.csv --weights w
grep -q "^x:" output || fail "the column of weights was fitted too: $(cat output)"
expect 0 "" "$gkvae" fit weighted.csv --weights 1 --picture weighted.png
is_png weighted.png || fail "no picture of a weighted fit"

# Held parameters keep their values.
json two.csv -c first --fix g=0.5,k=0.25
[ "$(parameter json g estimate)" = 0.5 ] && [ "$(parameter json k estimate)" = 0.25 ] &&
    [ "$(parameter json g standard_error)" = 0.0 ] || fail "--fix g=0.5,k=0.25: $(cat json)"
json two.csv -c first --fix B=1.5 --fix c=0.7 --method mle
[ "$(parameter json B estimate)" = 1.5 ] && is_true "($(flat json c) - 0.7)^2 < 1e-20" || fail "--fix B=1.5 --fix c=0.7"
json two.csv -c first --normal --method mle
awk -F, 'NR > 1 { s += $1; q += $1 * $1 } END { m = s / (NR - 1); printf "%.12g %.12g\n", m, sqrt(q / (NR - 1) - m * m) }' \
    two.csv > moments
read -r mean sd < moments
is_true "($(parameter json A estimate) - $mean)^2 < 1e-10 && ($(parameter json B estimate) - $sd)^2 < 1e-10" ||
    fail "the normal distribution's fit is not mean and standard deviation: $(cat moments json)"
expect 0 "fixed" "$gkvae" fit two.csv -c first --fix k=0
expect 2 "k" "$gkvae" fit two.csv -c first --fix k=-0.4,g=1

# Bootstrap errors agree with those of the formula, on any number of threads. After Ctrl-C the fit is printed.
head -n 501 two.csv > short.csv
json short.csv -c first --bootstrap 199 --seed 3 --threads 1 2> messages
grep -q "bootstrap .* of 199, .*/s, ETA" messages || fail "no progress of a bootstrap: $(cat messages)"
cp json bootstrap.json
json short.csv -c first --bootstrap 199 --seed 3 --threads 3 --quiet 2> messages
[ -s messages ] && fail "--quiet, and yet: $(cat messages)"
cmp -s json bootstrap.json || fail "the bootstrap is another on other threads"
json short.csv -c first --bootstrap 199 --seed 4 --quiet
cmp -s json bootstrap.json && fail "another seed, the same bootstrap"
sed -n '/"bootstrap"/,$p' bootstrap.json > inner.json
for name in A B g k; do
    is_true "$(parameter inner.json $name standard_error) < 1.4 * $(parameter bootstrap.json $name standard_error | head -n 1) &&
             $(parameter inner.json $name standard_error) > 0.7 * $(parameter bootstrap.json $name standard_error | head -n 1)" ||
        fail "$name: bootstrap and formula disagree: $(cat bootstrap.json)"
done
is_true "$(flat bootstrap.json p_anderson_darling) > 0.001" || fail "a true model is rejected by simulation"
expect 0 "bootstrap s.e." "$gkvae" fit short.csv -c first --bootstrap 19
expect 0 "nonparametric" "$gkvae" fit short.csv -c first --bootstrap 19 --nonparametric
expect 0 "by bootstrap" "$gkvae" fit short.csv --bootstrap 19 --picture both.png
"$gkvae" fit short.csv -c first --bootstrap 10000000 > lines 2> messages &
process=$!
sleep 1
code=0
kill -s INT $process
wait $process || code=$?
[ $code -eq 130 ] || fail "an interrupted bootstrap: exit code $code, not 130: $(cat messages)"
grep -q "goodness of fit" lines && ! grep -q "bootstrap" lines ||
    fail "an interrupted bootstrap does not leave the fit alone: $(cat lines)"

# A NumPy file gives the same fit as a text with all digits.
if python=$(python_with struct); then
    "$python" - << 'END'
import struct
rows = [tuple(map(float, line.split(",")[:2])) for line in open("two.csv") if line[0] in "-0123456789"]
def write(name, order, fortran, values):
    header = "{'descr': '%sf8', 'fortran_order': %s, 'shape': (%d, 2), }" % (order, fortran, len(rows))
    open(name, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
                           + struct.pack("%s%dd" % (order, len(values)), *values))
write("two.npy", "<", "False", [x for row in rows for x in row])
write("turned.txt", ">", "True", [row[j] for j in (0, 1) for row in rows])
END
    tail -n +2 two.csv | cut -d, -f1,2 > plain.csv
    json plain.csv
    cp json plain.json
    json two.npy
    cmp -s json plain.json || fail "an array gives another fit than its text"
    json turned.txt
    cmp -s json plain.json || fail "a turned array gives another fit"
    json - < two.npy
    cmp -s json plain.json || fail "an array on standard input gives another fit"
    head -c 1000 two.npy > cut.npy
    expect 3 "cut.npy: the .npy file is cut short" "$gkvae" fit cut.npy
fi

# --- refused ---
refused() { # refused CODE TEXT CONTENT [OPTION…]
    local code=$1 text=$2
    printf "$3" > bad.csv
    shift 3
    expect "$code" "$text" "$gkvae" fit bad.csv "$@"
}
refused 3 "no numbers" ''
refused 3 "no numbers" 'a,b\n'
refused 3 "no numbers" '# 1\n\n'
refused 3 "bad.csv:3: fields: 1, but the first line has 2" '1,2\n3,4\n5\n'
refused 3 'bad.csv:4: x: "abc"' '# comment\nx\n1\nabc\n'
refused 3 'bad.csv:2: column 1: "nan"' '1\nnan\n' --na none
refused 3 'bad.csv:2: column 1: "inf"' '1\ninf\n'
refused 3 'bad.csv:2: column 1: "0x10"' '1\n0x10\n'
refused 3 'bad.csv:2: column 1: "1e999"' '1\n1e999\n'
refused 3 'bad.csv:2: column 2: ""' '1,2\n3,\n' --na none
refused 3 'bad.csv:1: column 2: ""' '1,\n3,4\n' --na none
refused 3 "zero byte" '1\n2\000\n3\n'
refused 3 "column 1" '1\n2\n3\n'
refused 3 "column 1" '5\n5\n5\n5\n5\n5\n5\n5\n5\n5\n'
refused 3 "holds text" 'x,y\n1,a\n2,b\n' --column y
refused 3 "no column contains numbers" 'x\na\nb\n'
refused 2 'nearest is "width"' 'width,height\n1,2\n' --column widht
refused 2 "columns are 1 … 1" 'x\n1\n' --column 2
refused 2 "octile, lm or mle" '1\n' --method ml
refused 2 "whole number" '1\n' --levels 3
refused 2 "whole number" '1\n' --bootstrap 3
refused 2 "must be a number" '1\n' --confidence 1
refused 2 "as in --fix g=0" '1\n' --fix d=1
refused 2 "as in --fix g=0" '1\n' --fix g
refused 2 "must be a number" '1\n' --fix g=x
refused 2 "--fix: g is given twice, as 0 and as 1" '1\n' --fix g=0,g=1
refused 2 "--fix: c is given twice" '1\n' --fix c=0.5 --fix B=1,c=0.5
refused 2 'column 1, "x", is named twice' 'x,y\n1,2\n' --column x,y,x
refused 2 'column 2, "y", is named twice' 'x,y\n1,2\n' --column y,2
refused 2 "the closed form" '1\n' --fix g=0 --method octile
refused 2 "--normal and --fix: choose one" '1\n' --fix g=0 --normal
refused 2 "--nonparametric goes with" '1\n' --nonparametric
refused 2 "choose one" '1\n' --multivariate --mixture 2
refused 2 "does not go with --mixture" '1\n' --mixture 2 --bootstrap 19
refused 2 "does not go with --multivariate" '1\n' --multivariate --bootstrap 19
refused 2 "does not go with --mixture" '1\n' --mixture 2 --fix g=0
refused 2 "does not go with --mixture" '1\n' --mixture 2 --method mle
refused 2 "does not go with --mixture" '1,1\n' --mixture 2 --weights 1
refused 2 "goes with --mixture" '1\n' --held-out 0.1
refused 2 "--weights v: bad.csv has no such column" 'w,x\n1,2\n' --weights v
refused 3 "--weights w" 'w,x\na,2\n' --weights w
refused 3 "weight" 'w,x\n-1,2\n1,3\n1,4\n1,5\n1,6\n1,7\n1,8\n1,9\n1,10\n1,11\n' --weights w
refused 3 'bad.csv:2: a: "0,345" is not a finite decimal number; the decimal mark is a point' 'a;b\n0,345;1\n0,2;2\n' --dec .
refused 3 'bad.csv:2: a: "5%" is not a finite decimal number' 'a;b\n5%%;1\n6%%;2\n'
refused 3 "no column contains numbers but the one of --weights" '1\n2\n' --weights 1
refused 3 "the table has one row of 9 numbers" '1,2,3,4,5,6,7,8,9\n'
expect 5 "missing.csv" "$gkvae" fit missing.csv
expect 5 "$source" "$gkvae" fit "$source"

# The remedy for rounded values of single columns is none for a joint fit.
python3 -c "
for i in range(60): print(i % 5, i * i % 61, sep=',')" > counts.csv
expect 3 "leave this column out" "$gkvae" fit counts.csv --multivariate --method mle --column 1
grep -q -e "--resolution auto" output && fail "a remedy that --multivariate refuses: $(cat output)"

# A mixture of counts has components of equal values, which is said.
expect 0 "gkvae: equal values of column 1: " "$gkvae" fit counts.csv --mixture 3 --column 1
expect 0 "" "$gkvae" fit "$source/examples/returns/returns.csv" --mixture 2 --column index
grep -q "equal values" output && fail "equal values in a mixture that has none: $(cat output)"

# A location far from 0 is printed to the precision of the scale, without a standard error too.
python3 -c "
for i in range(60): print(1700000000 + i * i % 61)" > stamps.csv
for how in "--method octile" "--mixture 1" "--fix A=1700000030.25"; do
    # shellcheck disable=SC2086
    expect 0 "" "$gkvae" fit stamps.csv $how
    grep -q "17000000[0-9][0-9]\.[0-9]" output || fail "A to six digits: $(cat output)"
done
finish
