# gkvae fit --free c.
. "$2/tests/cli/lib.sh"

"$gkvae" gk sample -n 600 --params 3,1,2,0.5 --seed 4 > values.txt
"$gkvae" gk sample -n 300 --params 0,1,0.1,0.1 --seed 4 > symmetric.txt
data=values.txt

json() { "$gkvae" fit "$data" --method mle --json "$@" > json 2> messages || fail "gkvae fit $*: $(cat messages)"; }
flat() { sed -n "s/^ *\"$1\": \([^,{]*\),*$/\1/p" json | tail -n 1; }
parameter() { sed -n "/^      \"$1\": {/,/}/s/^ *\"$2\": \([^,]*\),*/\1/p" json; }
refused() {
    local text=$1
    shift
    expect 2 "$text" "$gkvae" fit "$data" "$@"
}

# --- The estimate

json
held=$(flat log_likelihood)
json --free c
free=$(flat log_likelihood)
c=$(parameter c estimate)
is_true "$c > 0.6 && $c < 0.95" || fail "c = $c of a sample with c = 0.8"
grep -q "^    \"c\": $c," json || fail "the key c is not the estimate $c"
[ "$(parameter c fixed)" = false ] || fail "c is fixed"
is_true "$(parameter c standard_error) > 0.005 && $(parameter c standard_error) < 0.2" ||
    fail "the standard error of c: $(parameter c standard_error)"
is_true "$(parameter c low) < $c && $(parameter c high) > $c" || fail "the interval of c"
is_true "($(flat held) - 0.8) ^ 2 < 1e-20" || fail "the test is of c = $(flat held)"
is_true "($(flat held_log_likelihood) - $held) ^ 2 < 1e-10" || fail "another log-likelihood with c = 0.8"
is_true "($(flat likelihood_ratio) - 2 * ($free - $held)) ^ 2 < 1e-8" || fail "the ratio: $(flat likelihood_ratio)"
is_true "($(flat aic) - 10 + 2 * $free) ^ 2 < 1e-10" || fail "AIC does not count c"
[ ! -s messages ] || fail "a note on a c that is known: $(cat messages)"
"$gkvae" gk logpdf --fit json < values.txt | awk '{ sum += $1 } END { printf "%.9f\n", sum }' > sum
is_true "($(cat sum) - $free) ^ 2 < 1e-6" || fail "gk --fit has another c: $(cat sum), not $free"
json --fix c="$c"
is_true "($(flat log_likelihood) - $free) ^ 2 < 1e-10" || fail "--fix c=$c: log L = $(flat log_likelihood), not $free"
grep -q c_estimate json && fail "c_estimate without --free c"

"$gkvae" fit "$data" --method mle --free c > table
grep -q '^c  *0\.' table || fail "the table has no line of c: $(cat table)"
grep -q 'likelihood-ratio test of c = 0.8' table || fail "the table has no test of c: $(cat table)"
grep -q '(c = ' table && fail "the table says that c is held"

# --- Several columns, a picture, and values that hardly determine c

paste -d , values.txt values.txt | sed '1i a,b' > two.csv
"$gkvae" fit two.csv --method mle --free c > table
[ "$(grep -c 'likelihood-ratio test of c' table)" = 2 ] || fail "two columns: $(cat table)"
"$gkvae" fit "$data" --method mle --free c --picture fit.png > table || fail "no picture"
[ -s fit.png ] || fail "an empty picture"
data=symmetric.txt
json --free c --intervals profile
grep -q 'hardly determine c' messages || fail "no note on a weak c: $(cat messages)"
[ "$(flat weak)" = true ] || fail "c is not weak"
grep -q 'its interval is longer than a half' messages || fail "no reason: $(cat messages)"
grep -q -e '--fix c=0.8' messages || fail "no remedy: $(cat messages)"

# Five parameters need more than five intervals, whatever the message counts.
for i in 1 2 3 4 5; do printf '%s\n' "$i" "$i" "$i" 3 3; done > few.txt
data=few.txt
expect 3 '5 distinct values cannot determine 5 parameters' "$gkvae" fit few.txt --method mle --free c

# --- Refusals

data=values.txt
refused '--free c needs --method mle' --free c
refused 'must be c' --method mle --free k
refused 'choose one' --method mle --free c --fix c=0.5
refused 'held at 0' --method mle --free c --fix g=0
refused 'held at 0' --method mle --free c --normal
refused 'held at 0' --method mle --free c --bounds g=0:0
refused 'has no c' --method mle --free c --family gh
refused 'does not go with --bootstrap' --method mle --free c --bootstrap 99
refused '--free c does not go with --mixture' --free c --mixture 2
refused '--free c does not go with --multivariate: estimate c of single columns' --method mle --free c --multivariate

finish
