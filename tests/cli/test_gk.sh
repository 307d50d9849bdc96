# gkvae gk: published values, round trips, streams, and wrong arguments.
. "$2/tests/cli/lib.sh"
gk() { "$gkvae" gk "$@"; }

# same ACTUAL EXPECTED [RELATIVE]: the numbers agree to the relative tolerance, or 1e-14 without one.
same() {
    is_true "($1) - ($2) <= ${3:-1e-14} * sqrt(($2)^2) && ($2) - ($1) <= ${3:-1e-14} * sqrt(($2)^2)" ||
        fail "$1 is not $2"
}

# The expected values were computed with 60 digits. The numbers are arguments, also negative ones without "--", or
# words.
p=3,1,2,.5
same "$(gk logpdf --params $p 0)" -8.5511161170711834597
same "$(gk logpdf --params $p -1e6)" -2500014.9651234990276
same "$(gk logpdf --params $p 1e6)" -277785.5081769321394
same "$(gk z --params=$p -1e6)" -2236.0712197960119982
same "$(echo 5 | gk z --params $p)" 0.92661187780466835778
same "$(gk logpdf -p 2,1,5,-.1 1)" -26.760632605489320783
same "$(gk logpdf -p 0,1,1,1 3)" -3.3401999452258493087
same "$(gk logpdf -p 1,3,.4,2.3,.8 100)" -7.7766192039613565726
same "$(gk pdf -p 0,1,0,.5 2)" 0.070933334723567514
same "$(gk quantile -p $p 1e-300)" -271.59745063435702
same "$(gk quantile -p $p .001)" 0.95941644524202191
same "$(gk quantile -p $p .99)" 13.514254936637869
same "$(gk quantile --log -p $p -690.77552789821368)" -271.59745063435702 1e-13
same "$(gk quantile --upper -p $p .01)" 13.514254936637869
same "$(gk pdf --log -p $p 5)" "$(gk logpdf -p $p 5)" 0
same "$(gk cdf --upper --log -p $p 50)" "$(gk logcdf --upper -p $p 50)" 0
same "$(gk cdf -p 0,1,0,0 -1.959963984540054)" 0.025
same "$(gk pdf -p 0,1,0.3,0.1 --family gh 0)" 0.39894228040143268
gk pdf -p 0,1,0.3,0.1 --family ggh 1 > ggh
gk pdf -p 0,1,0.3,0.1 --family gh 1 > gh
cmp -s gh ggh && fail "two families give the same density"

# Order and spellings; all results have 17 digits, which read back as the same numbers.
[ "$(gk cdf -p 0,1,0,0 -- 0 -inf inf nan | tr '\n' ' ')" = "0.5 0 1 nan " ] || fail "cdf of 0, -inf, inf, nan"
[ "$(gk quantile -p 0,1,0,0 0 1 .5 | tr '\n' ' ')" = "-inf inf 0 " ] || fail "quantiles of 0, 1 and ½"
[ "$(gk quantile -p 7,1,0,0 .5 -p 8,1,0,0)" = 8 ] || fail "the last --params is not the one that counts"
[ "$(gk z -p 0,1,0,0 -1 2 -3 | tr '\n' ' ')" = "-1 2 -3 " ] || fail "negative numbers change their order"
gk sample -p $p -n 20000 --seed 7 > sample
[ "$(wc -l < sample)" -eq 20000 ] || fail "not as many draws as asked for"
gk z -p $p < sample > z
awk '{ s += $1; q += $1 * $1 } END { m = s / NR; v = q / NR - m * m; exit !(m * m < 9 / NR && (v - 1)^2 < 18 / NR) }' z ||
    fail "the normal scores of draws are not standard normal"
gk cdf -p $p < sample | gk quantile -p $p > back
paste sample back | awk '{ d = $1 - $2; if (d * d > 1e-16 * $1 * $1) bad++ } END { exit bad > 0 }' ||
    fail "quantile is not the inverse of cdf"
gk sample -p $p -n 100 --seed 7 | cmp -s - <(head -n 100 sample) || fail "a shorter sample is not the beginning of a longer"
gk sample -p $p -n 100 --seed 8 | cmp -s - <(head -n 100 sample) && fail "another seed gives the same draws"

# Streams: words may cross the bounds of reads, results come as soon as possible, and the memory does not grow.
tr '\n' '\t' < sample | gk z -p $p | cmp -s - z || fail "tabs are not as good as line ends"
{ printf 0.; sleep 0.2; printf '5 1'; sleep 0.2; printf 'e-3'; } | gk quantile -p $p > slow
[ "$(wc -l < slow)" -eq 2 ] || fail "words in pieces: $(cat slow)"
same "$(tail -n 1 slow)" 0.95941644524202191
mkfifo questions
gk quantile -p 0,1,0,0 < questions > answers &
process=$!
exec 3> questions
echo .5 >&3
wait_for answers 0 || fail "an answer waits for the end of the questions"
exec 3>&-
wait $process || fail "a stream of one question failed"
[ -z "$(gk pdf -p $p < /dev/null)" ] || fail "no number, but an answer"
# A million numbers are read with memory for far fewer.
awk 'BEGIN { for (i = 1; i <= 1000000; i++) print i / 1000001 }' > million
memory() { awk '/^VmHWM/ { print $2 }' "/proc/$1/status"; } # KiB at most so far, while it waits for more
mkfifo endless
gk quantile -p $p < endless > answers &
process=$!
exec 3> endless
echo .5 >&3
wait_for answers 3 || fail "no first answer"
before=$(memory $process)
cat million >&3
until [ "$(wc -l < answers)" -ge 1000001 ] || ! kill -0 $process 2> /dev/null; do sleep 0.1; done
after=$(memory $process)
exec 3>&-
wait $process || fail "a million numbers failed"
is_true "$after - $before < 2000" || fail "a million numbers take $((after - before)) KiB more than one"
gk sample -p $p -n 100000000 2> /dev/null | head -n 1 > /dev/null # ends with its reader

# The summary of the normal distribution is known.
expect 0 "g-and-k" "$gkvae" gk summary --params 1,2,0,0
awk '/^mean/ && $2 != 1 { exit 1 } /^standard deviation/ && $3 != 2 { exit 1 } /^kurtosis/ && ($2 - 3)^2 > 1e-20 { exit 1 }' output ||
    fail "the summary of a normal distribution: $(cat output)"

expect 0 "" "$gkvae" gk summary --params 0,1,0,0.3
awk '/^(mean|skewness|mode)/ && $2 != "0" { exit 1 }' output || fail "a symmetric summary: $(cat output)"
# Moments beyond a double are infinite; others are right although squares and powers are beyond it.
expect 0 "" "$gkvae" gk summary --family gh --params 0,1,700,0
awk '/^(mean|standard|skewness|kurtosis)/ && $NF != "inf" { exit 1 }' output || fail "g = 700: $(cat output)"
expect 0 "" "$gkvae" gk summary --family gh --params 0,1,30,0.05
awk '/^(skewness|kurtosis)/ && $NF != "inf" { exit 1 }' output || fail "g = 30: $(cat output)"
expect 0 "2.337" "$gkvae" gk summary --params 5,1e-200,2,0.5
expect 0 "1.9149" "$gkvae" gk summary --params 0,1,1e60,1

# The distribution of a fit.
awk 'NR == 1 { print "a b" } { print $1, -$1 }' sample > two.txt
expect 0 "" "$gkvae" fit two.txt --json
cp output fit.json
expect 0 "" "$gkvae" gk quantile --fit fit.json --column a 0.99
is_true "($(cat output) - 13.514)^2 < 2" || fail "the fit's 99% quantile: $(cat output)"
expect 2 "choose one with --column" "$gkvae" gk quantile --fit fit.json 0.99
expect 2 "the fit has no column \"x\"" "$gkvae" gk quantile --fit fit.json --column x 0.99
expect 5 "nowhere.json" "$gkvae" gk quantile --fit nowhere.json 0.99
expect 3 "two.txt" "$gkvae" gk quantile --fit two.txt 0.99
echo '{}' > empty.json
expect 3 "not what gkvae fit --json writes" "$gkvae" gk quantile --fit empty.json 0.99

# --- refused ---
wrong() { # wrong TEXT ARGUMENT…
    local text=$1
    shift
    expect 2 "$text" "$gkvae" gk "$@"
}
wrong "which function?"
wrong "there is no function pfd" pfd --params 0,1,0,0 1
wrong "--params A,B,g,k" pdf 1
wrong "--params 0,-1,0,0: " pdf --params 0,-1,0,0 1
wrong "--params 0,1,0,-1: " pdf --params 0,1,0,-1 1
wrong "--params 0,1,2,-0.2: " pdf --params 0,1,2,-0.2 1
wrong "--params 0,1,1,0,1.5: " pdf --params 0,1,1,0,1.5 1
wrong "--params 0,1,0.2,-0.1: " cdf --params 0,1,0.2,-0.1 --family gh 1
wrong '"x" is not a number' pdf --params 0,1,0,x 1
wrong '"" is not a number' pdf --params 0,1,,0 1
wrong "3 values, but" pdf --params 0,1,0 1
wrong "more than the five" pdf --params 0,1,0,0,.8,1 1
wrong "must be gk, gh or ggh" pdf --params 0,1,0,0 --family hg 1
wrong "one is not a number" pdf --params 0,1,0,0 one
wrong "pdf has no --upper" pdf --upper --params 0,1,0,0 1
wrong "logcdf has no --log" logcdf --log --params 0,1,0,0 1
wrong "sample takes no numbers" sample --params 0,1,0,0 3
wrong "whole number" sample --params 0,1,0,0 -n 0
wrong "nearest is --params" pdf --parms 0,1,0,0 1
wrong "--column goes with --fit" pdf --params 0,1,0,0 --column a 1
# the minus of typography, as tables of this program have it, also in options
[ "$(echo '−1 2' | gk cdf -p −1,1,0,0 | head -n 1)" = 0.5 ] || fail "numbers with U+2212"
expect 0 "g" "$gkvae" fit "$source/examples/returns/returns.csv" -c index --fix g=−0.1
[ "$(gk cdf -p 0,1e−0,0,0 −1e−1)" = "$(gk cdf -p 0,1,0,0 -0.1)" ] || fail "exponents with U+2212"
expect 0 "g" "$gkvae" fit "$source/examples/returns/returns.csv" -c index --fix g=−1e−1
for number in 1e999 0x1p2 1_000 1d3 --1 −−1 1−2 5e−; do
    expect 2 "--fix g = $number: must be a number" "$gkvae" fit "$source/examples/returns/returns.csv" --fix "g=$number"
done
code=0
echo '1 2 drei 4' | gk pdf -p $p > answers 2> messages || code=$?
[ $code -eq 3 ] && [ "$(wc -l < answers)" -eq 2 ] && grep -q 'word 3: "drei" is not a number' messages ||
    fail "a word that is not a number: exit code $code, $(cat answers messages)"
code=0
gk quantile -p $p 0.5 1.5 -0.1 0.25 > answers 2> messages || code=$?
[ $code -eq 3 ] && [ "$(grep -c nan answers)" -eq 2 ] && [ "$(wc -l < answers)" -eq 4 ] &&
    grep -q "2 of the numbers are not probabilities" messages ||
        fail "bad probabilities: $code, $(cat answers messages)"
expect 3 "logarithms" "$gkvae" gk quantile --log -p $p -1 1
code=0
head -c 100000 /dev/zero | tr '\0' 1 | gk pdf -p $p > answers 2> messages || code=$?
[ $code -eq 3 ] && grep -q "longer than" messages || fail "an endless word: $code, $(cat messages)"
if [ -w /dev/full ]; then
    code=0
    gk pdf -p $p < million > /dev/full 2> messages || code=$?
    [ $code -eq 5 ] || fail "answers on a full disk: exit code $code, not 5"
fi
finish
