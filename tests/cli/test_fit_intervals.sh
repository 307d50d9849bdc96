# Fits of rounded, censored and binned data: --resolution, --lower, --upper, and what the test of fit
# says of ties.
. "$2/tests/cli/lib.sh"

# Normal values of Park and Miller's generator, which are the same in every awk, in six forms.
cat > simulate.awk << 'END'
function uniform() { s = (s * 16807) % 2147483647; return s / 2147483647 }
function normal() { return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform()) }
function round(x) { return x < 0 ? -int(0.5 - x) : int(x + 0.5) }
function gk(a, b, g, k,  z, t) { z = normal(); t = exp(g * z); return a + b * (1 + 0.8 * (t - 1) / (t + 1)) * z * (1 + z * z)^k }
BEGIN { s = 4711
        print "exact,whole,tick,heaped,inflated,answer" > "forms.csv"
        print "from,to,count" > "censored.csv"
        for (i = 0; i < 2000; i++) {
            x = gk(40, 9, 0.4, 0.1); a = round(4 + (x - 40) / 8); if (a < 1) a = 1; if (a > 7) a = 7
            printf "%.12g,%d,%.2f,%d,%d,%d\n", x, round(x), round(20 * x) / 20, i % 8 ? round(x) : 10 * round(x / 10),
                i % 12 ? round(x) : 0, a > "forms.csv"
            open = i % 3 == 0 ? "" : i % 3 == 1 ? "inf" : "NA"
            if (x > 45) print "45," open ",1" > "censored.csv"
            else if (x < 30) print open ",30,1" > "censored.csv"
            else printf "%.12g,%.12g,1\n", x, x > "censored.csv"
        } }
END
awk -f simulate.awk
awk -F, -v OFS=, 'NR == 1 { next } { n[int($2 / 8)]++ }
    END { print "low,high,count"; for (i in n) print 8 * i - 0.5, 8 * i + 7.5, n[i] }' forms.csv > bins.csv

json() { "$gkvae" fit --json "$@" > json 2> messages || fail "gkvae fit --json $*: $(cat messages)"; }
flat() { sed -n "s/^ *\"$1\": \(.*[^,]\),*$/\1/p" json | head -n 1; }
parameter() { sed -n "/^      \"$1\": {/,/}/s/^ *\"$2\": \([^,]*\),*/\1/p" json; }
# near NAME VALUE ERRORS: an estimate is so many of its standard errors from this value at most.
near() {
    is_true "($(parameter "$1" estimate) - $2)^2 < ($3 * $(parameter "$1" standard_error))^2" ||
        fail "$1 is $(parameter "$1" estimate) ± $(parameter "$1" standard_error), not $2"
}

# Exact values: --resolution changes nothing.
json forms.csv -c exact
cp json exact.json
[ "$(flat resolution)" = null ] && [ "$(flat note)" = null ] || fail "exact values: $(cat json)"
for choice in auto none; do
    json forms.csv -c exact --resolution $choice
    cmp -s json exact.json || fail "--resolution $choice changes the fit of exact values"
done

# Rounded values: the resolution is recognised, and a true model is not rejected.
for method in lm mle; do
    for column in whole tick; do
        json forms.csv -c $column -m $method
        is_true "$(flat p_value) > 0.001" || fail "$method, $column: a true model is rejected: $(cat json)"
        near A 40 4
        near B 9 4
    done
    is_true "($(flat resolution) - 0.05)^2 < 1e-20" || fail "the resolution of a tick is $(flat resolution)"
    json forms.csv -c whole -m $method --resolution none
    [ "$(flat p_value)" = null ] && [ "$(flat resolution)" = null ] || fail "ties have a p-value: $(cat json)"
    flat note | grep -q "values without ties" || fail "no reason for the missing p-value: $(cat json)"
    json forms.csv -c heaped -m $method
    [ "$(flat p_value)" = null ] && [ "$(flat resolution)" = 1.0 ] || fail "heaps have a p-value: $(cat json)"
    flat note | grep -q "multiples of 10," || fail "no word of the heaps: $(cat json)"
    json forms.csv -c inflated -m $method
    is_true "$(flat p_value) < 1e-6" || fail "$method does not reject too many zeros: $(cat json)"
done
expect 0 "(values rounded to 1, fitted as intervals)" "$gkvae" fit forms.csv -c whole -m mle
expect 0 "(values rounded to 1; --method mle fits intervals)" "$gkvae" fit forms.csv -c whole
expect 0 "no p-value of χ²: too many values are multiples of 10" "$gkvae" fit forms.csv -c heaped
expect 0 "(heaped: no p-value of χ²: too many" "$gkvae" fit forms.csv -c exact,heaped
json forms.csv -c whole -m mle --resolution 1 --bootstrap 99 -q
is_true "$(flat p_anderson_darling) > 0.01 && $(flat p_chi2) > 0.01" || fail "rounded draws reject a true model: $(cat json)"

# Answers on a scale of seven points: maximum likelihood fits them, other methods name it.
expect 3 "--method mle --resolution auto" "$gkvae" fit forms.csv -c answer
expect 3 "--method mle --resolution auto" "$gkvae" fit forms.csv -c answer -m octile
expect 3 "--method mle --resolution auto" "$gkvae" fit forms.csv -c answer -m mle --resolution none
json forms.csv -c answer -m mle
near A 4 4
json forms.csv -c answer -m mle --fix g=0
[ "$(parameter g estimate)" = 0.0 ] && near A 4 20

# Censored on both sides, and in bins.
json censored.csv --lower from --upper to -m mle
near A 40 4
near B 9 4
near g 0.4 4
near k 0.1 4
is_true "$(flat p_value) > 0.001" && [ "$(flat anderson_darling)" = null ] || fail "censored data: $(cat json)"
[ "$(flat column)" = '"[from, to]"' ] && [ "$(flat n)" = 2000 ] || fail "the name of intervals: $(cat json)"
cp json censored.json
json censored.csv --lower 1 --upper to -w count --method mle
cmp -s json censored.json || fail "weights of 1 change the fit of censored data"
json bins.csv --lower low --upper high --weights count --method mle
near A 40 4
near B 9 4
[ "$(flat observations)" = 2000.0 ] || fail "the counts do not add up: $(cat json)"
expect 0 "nonparametric bootstrap: 19 samples" "$gkvae" fit bins.csv --lower low --upper high -w count -m mle -b 19 --nonparametric
printf 'from,to\n1,2\n,\n2,3\n3,4\n4,5\n5,6\n6,7\n7,\n4,5\n3,4\n' > gaps.csv
expect 0 "1 of 10 rows dropped: both ends are missing" "$gkvae" fit gaps.csv --lower from --upper to -m mle
printf 'from,to\n1,2\n5,3\n2,3\n3,4\n4,5\n5,6\n6,7\n7,\n4,5\n3,4\n' > turned.csv
expect 3 "observation 2 of 10 is the interval from 5 to 3" "$gkvae" fit turned.csv --lower from --upper to -m mle

# Options that do not go together.
for options in "--lower from -m mle" "--lower from --upper to" "--lower from --upper to -m mle -c from" \
    "--lower from --upper to -m mle -M" "--lower from --upper to -m mle -b 99" "--resolution 1 -K 2" \
    "--lower from --upper to -m mle --resolution 1" "--lower from --upper to -m mle -p x.png"; do
    # shellcheck disable=SC2086
    expect 2 "" "$gkvae" fit censored.csv $options
done
expect 2 "must be auto, none or a number above 0" "$gkvae" fit forms.csv --resolution 0
expect 2 "--resolution" "$gkvae" fit forms.csv --resolution fine
# Held parameters need no values, and a resolution must tell values apart.
{ echo v; for i in $(seq 100); do printf '1\n2\n7\n'; done; } > three.csv
expect 3 "3 distinct values cannot determine 4 parameters: use more data, or fix some of the parameters (--fix)" \
    "$gkvae" fit three.csv -m mle
json three.csv -m mle --normal
is_true "($(flat log_likelihood) + 700) ^ 2 < 50 ^ 2" || fail "three values: $(cat json)"
json three.csv -m mle --fix A=1.5,g=0
expect 3 "all values lie in one interval" "$gkvae" fit forms.csv -c exact -m mle --resolution 1e9
# A special value is no rounding. The advice is not the resolution that was looked for already.
{ echo v; for i in $(seq 100); do echo "0"; echo "0.$((7 * i * i % 9973 + 10000))"; done; } | sed 's/^0.1/-0.1/' > zeros.csv
expect 3 "the values are multiples of no resolution" "$gkvae" fit zeros.csv -m mle
grep -q -e "--method mle --resolution auto" output && fail "advice that was followed: $(cat output)"
expect 3 "(--method mle --resolution auto)" "$gkvae" fit zeros.csv -m mle --resolution none
is_true "$(json forms.csv -c whole -m mle; flat anderson_darling) < 3" || fail "A² ignores the resolution: $(cat json)"


# The number of bins is that of the test, not of the levels of the starts, of which there are 50.
printf 'from,to,n\n-3,-2,4\n-2,-1,27\n-1,0,72\n0,1,68\n1,2,25\n2,3,4\n' > few.csv
expect 0 "p-value" "$gkvae" fit few.csv --lower from --upper to --weights n --method mle
grep -qE "no p-value of χ²: [3-6] bins that divide no interval are too few for 4 parameters" output ||
    fail "the number of bins: $(cat output)"
finish
