# gkvae fit --family: g-and-h and generalised g-and-h distributions.
. "$2/tests/cli/lib.sh"
gk() { "$gkvae" gk "$@"; }
fit() { "$gkvae" fit "$@"; }
returns=$source/examples/returns/returns.csv

# The data of a family are fitted best by it, and its parameters are found.
gk sample -p 1,2,0.7,0.15 --family gh -n 1500 --seed 3 > gh.txt
gk sample -p 0,1,2.5,0.5 -n 1500 --seed 4 > gk.txt
aic() { fit "$1" -m mle --family "$2" --json | sed -n 's/^ *"aic": \(.*\),/\1/p'; }
is_true "$(aic gh.txt gh) < $(aic gh.txt gk) - 2" || fail "AIC prefers g-and-k to g-and-h for data of g-and-h"
is_true "$(aic gk.txt gk) < $(aic gk.txt gh) - 2" || fail "AIC prefers g-and-h to g-and-k for data of g-and-k"
expect 0 "(g-and-h)" "$gkvae" fit gh.txt -m mle -F gh
awk -v found=0 '$1 == "A" { t = 1 } $1 == "B" { t = 2 } $1 == "g" { t = .7 } $1 == "h" { t = .15 }
    $1 ~ /^[ABgh]$/ { found++; if (($2 - t)^2 > 9 * $3 * $3) exit 1 } END { exit found != 4 }' output || fail "the fit of g-and-h: $(cat output)"
expect 0 "letter values" "$gkvae" fit gh.txt -m octile -F gh
expect 0 "(generalised g-and-h, c = 0.7)" "$gkvae" fit gh.txt -F ggh --fix c=0.7
expect 0 "(g-and-h)" "$gkvae" fit "$returns" -F gh -c index,currency
grep -q " h  *log-likelihood" output || fail "no column h: $(cat output)"
expect 0 "by simulation" "$gkvae" fit gh.txt -F gh --bootstrap 19 --quiet
expect 0 "fixed" "$gkvae" fit gh.txt -F gh --fix h=0,g=0.7
fit gh.txt -F gh --picture gh.png > output 2>&1 && is_png gh.png || fail "no picture: $(cat output)"
# Maxima of the likelihood by Nelder and Mead's method, with other code: log L, A, B, g, h.
for known in "gh -2413.58386 0.053766 0.682984 -0.120958 0.123645" "ggh -2413.59013 0.053780 0.683005 -0.151383 0.128472"; do
    set -- $known
    fit "$returns" -c index -m mle -F "$1" --json > fit.json
    is_true "($(sed -n 's/^ *"log_likelihood": \(.*\),/\1/p' fit.json) - ($2))^2 < 1e-9" || fail "$1: another likelihood"
    sed -n 's/^ *"estimate": \(.*\),/\1/p' fit.json > estimates
    echo "$3 $4 $5 $6" | tr ' ' '\n' | paste - estimates | awk '($1 - $2)^2 > 1e-9 { exit 1 }' || fail "$1: $(cat estimates)"
done

# The file of a fit has its family.
fit gh.txt -m mle -F gh --json > fit.json
grep -q '"family": "gh"' fit.json && grep -q '"h": {' fit.json && grep -q '"c": null' fit.json || fail "keys of g-and-h"
gk quantile --fit fit.json 0.5 > answer
is_true "($(cat answer) - 1)^2 < 0.1" || fail "the median of the fit: $(cat answer)"
expect 0 "g-and-h" "$gkvae" gk summary --fit fit.json
gk logpdf --fit fit.json < gh.txt | awk '{ s += $1 } END { printf "%.15g\n", s }' > sum
is_true "($(cat sum) - ($(sed -n 's/^ *"log_likelihood": \(.*\),/\1/p' fit.json)))^2 < 1e-12" || fail "log L of the file: $(cat sum)"

# Light tails: h = 0. Rounded and censored values.
gk sample -p 2,1,0.6,0 --family gh -n 800 --seed 5 > lognormal.txt
expect 0 "h is at its least valid value" "$gkvae" fit lognormal.txt -m mle -F gh
awk '{ printf "%.0f\n", $1 * 2 }' gh.txt > counts.txt
expect 0 "fitted as intervals" "$gkvae" fit counts.txt -m mle -F gh
awk 'BEGIN { print "from,to" } { if ($1 > 4) print 4 ","; else print $1 "," $1 }' gh.txt > censored.csv
expect 0 "(g-and-h)" "$gkvae" fit censored.csv --lower from --upper to -m mle -F gh
awk '$1 == "h" { if (($2 - 0.15)^2 > 16 * $3 * $3) exit 1 }' output || fail "censored values of g-and-h: $(cat output)"

# --- refused ---
expect 2 "must be gk, gh or ggh" "$gkvae" fit gh.txt --family hg
expect 2 "--family does not go with --multivariate" "$gkvae" fit "$returns" -F gh --multivariate
expect 2 "--family does not go with --mixture" "$gkvae" fit "$returns" -F ggh --mixture 2
expect 2 "the g-and-h family has no k, but h" "$gkvae" fit gh.txt -F gh --fix k=0.1
expect 2 "the g-and-k family has no h, but k" "$gkvae" fit gh.txt --fix h=0.1
expect 2 "the g-and-h family has no c" "$gkvae" fit gh.txt -F gh --fix c=0.5
expect 2 "is given twice" "$gkvae" fit gh.txt -F gh --fix h=0.5,k=0.1
expect 2 "h" "$gkvae" fit gh.txt -F gh --fix h=-0.1
finish
