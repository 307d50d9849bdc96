# g-and-k fits of columns of numbers: simulated samples give their parameters back, and
# files that are no such columns are refused.
. "$2/tests/cli/lib.sh"

# Two g-and-k columns and one of text, by Park and Miller's generator and Box and Muller,
# so that every awk makes the same.
cat > simulate.awk << 'END'
function uniform() { s = (s * 16807) % 2147483647; return s / 2147483647 }
function normal() { return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform()) }
function gk(a, b, g, k,  z, t) { z = normal(); t = exp(g * z); return a + b * (1 + 0.8 * (t - 1) / (t + 1)) * z * (1 + z * z)^k }
BEGIN { s = 12345; print "first,second,kind"
        for (i = 0; i < 20000; i++) printf "%.12g,%.12g,a%d\n", gk(3, 1.5, 0.5, 0.2), gk(-1, 2, -0.3, 0.1), i }
END
awk -f simulate.awk > two.csv

# near ESTIMATE TRUTH SE: within four standard errors, which are themselves sensible.
near() {
    is_true "($1 - $2)^2 < ($3 * 4)^2 && $3 > 0.002 && $3 < 0.05" || fail "estimate $1 ± $3, truth $2"
}
expect 0 "goodness of fit" "$gkvae" fit two.csv --column first
awk '$1 ~ /^[ABgk]$/ { print $1, $2, $3, $4, $5 }' output > estimates
[ "$(wc -l < estimates)" -eq 4 ] || fail "not four parameters: $(cat output)"
while read -r name value se low high; do
    case $name in A) truth=3 ;; B) truth=1.5 ;; g) truth=0.5 ;; k) truth=0.2 ;; esac
    near "$value" $truth "$se"
    is_true "($low + 1.96 * $se - $value)^2 < 1e-4 && ($high - 1.96 * $se - $value)^2 < 1e-4" ||
        fail "$name: the interval $low to $high is not $value ± 1.96 · $se"
done < estimates
p=$(sed -n 's/.*p = //p' output)
is_true "$p > 0.001 && $p <= 1" || fail "a true model is rejected: p = $p"

# All columns of numbers, a line each; the one of text is left out.
expect 0 "standard error" "$gkvae" fit two.csv
awk '$1 == "first" || $1 == "second" { n++ } $1 == "kind" { n += 9 } END { exit n != 2 }' output ||
    fail "not a line for each of two columns: $(cat output)"
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

# A gap in a column that is not wanted is nobody's concern; of all columns those that can
# be fitted are.
awk -F, 'NR == 1 { print $0 ",gaps,constant,late" }
         NR > 1 { print $0 "," (NR == 5 ? "" : NR) ",7," (NR == 2 ? "NA" : NR) }' two.csv > gaps.csv
expect 0 "goodness" "$gkvae" fit gaps.csv --column first
expect 3 'gaps.csv:5: gaps: "" is no finite decimal number; leave' "$gkvae" fit gaps.csv --column first,gaps
expect 3 'gaps.csv:2: late: "NA" is no finite' "$gkvae" fit gaps.csv --column late
"$gkvae" fit gaps.csv > lines 2> messages
code=$?
[ $code -eq 3 ] || fail "columns that cannot be fitted: exit code $code, not 3"
for column in gaps constant late; do
    grep -q "$column" messages || fail "no word of the column $column: $(cat messages)"
    grep -q "^$column" lines && fail "a fit of the column $column: $(cat lines)"
done
grep -q "^first" lines && grep -q "^second" lines || fail "the good columns are not there: $(cat lines)"

# As many digits as the standard error says.
awk -F, 'NR > 1 { printf "%.10f\n", 1e8 + 1e-4 * $1 }' two.csv > far.csv
expect 0 "100000000.000" "$gkvae" fit far.csv
grep -q "e+08" output && fail "the digits of a far location are lost: $(cat output)"

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
refused 3 'bad.csv:2: column 1: "nan"' '1\nnan\n'
refused 3 'bad.csv:2: column 1: "inf"' '1\ninf\n'
refused 3 'bad.csv:2: column 1: "0x10"' '1\n0x10\n'
refused 3 'bad.csv:2: column 1: "1e999"' '1\n1e999\n'
refused 3 'bad.csv:2: column 2: ""' '1,2\n3,\n'
refused 3 'bad.csv:1: column 2: ""' '1,\n3,4\n'
refused 3 "zero byte" '1\n2\000\n3\n'
refused 3 "column 1" '1\n2\n3\n'
refused 3 "column 1" '5\n5\n5\n5\n5\n5\n5\n5\n5\n5\n'
refused 3 "holds text" 'x,y\n1,a\n2,b\n' --column y
refused 3 "no column holds numbers" 'x\na\nb\n'
refused 2 'nearest is "width"' 'width,height\n1,2\n' --column widht
refused 2 "no such column" 'x\n1\n' --column 2
refused 2 "octile or lm" '1\n' --method ml
refused 2 "whole number" '1\n' --levels 3
expect 5 "missing.csv" "$gkvae" fit missing.csv
expect 5 "$source" "$gkvae" fit "$source"
finish
