# Fits whose likelihood has several maxima: heavy tails, poles, held parameters.
. "$2/tests/cli/lib.sh"

cases=$source/tests/fixtures/cases

# fit FILE OPTIONS…: fits the file; the result is in json.
fit() { "$gkvae" fit "$cases/$1" --json "${@:2}" > json 2> messages || fail "gkvae fit $*"; }
flat() { sed -n "s/^ *\"$1\": \([^,{]*\),*$/\1/p" json | head -n 1; }
estimate() { sed -n "/^      \"$1\": {/,/}/s/^ *\"estimate\": \([^,]*\),*/\1/p" json; }
is_fit() { [ "$(flat converged)" = true ] || fail "not converged: $*"; }

fit cauchy_0.csv -m mle
is_fit Cauchy
is_true "$(flat log_likelihood) > -12899.73" || fail "Cauchy: log L = $(flat log_likelihood)"
is_true "($(estimate k) - 1.487) ^ 2 < 0.001 ^ 2" || fail "Cauchy: k = $(estimate k)"
fit cauchy_0.csv -m lm
is_fit Cauchy, lm
is_true "$(flat log_likelihood) > -13000" || fail "Cauchy, lm: log L = $(flat log_likelihood)"

fit chi2_1_0.csv -m mle
is_fit χ²
is_true "$(flat log_likelihood) > -1767.1" || fail "χ²: log L = $(flat log_likelihood)"

# The profile of A is smooth.
while read -r a least; do
    fit gk200.csv -m mle --fix "A=$a"
    is_fit "A = $a"
    is_true "$(flat log_likelihood) > $least" || fail "A = $a: log L = $(flat log_likelihood), not $least"
done << END
0 -428.75
0.5 -423.05
1 -415.9
1.5 -406.3
1.8 -398.4
2.2 -371
2.4 -324.8
2.6 -282.2
2.9 -259.5
3.5 -286.6
5 -348.7
8 -404.1
END

# A root of the equations of lm with B = 9e-7 and k = 24 is refused.
fit gk200.csv -m lm --fix A=2.4
is_true "$(estimate B) > 0.3 && $(estimate B) < 0.5" || fail "lm, A = 2.4: B = $(estimate B)"
is_true "$(estimate k) > 0.5 && $(estimate k) < 0.7" || fail "lm, A = 2.4: k = $(estimate k)"

# No penalty of the solver is a result. With B held the sample is not possible; with B free it is.
fit gk200.csv -m mle --fix k=-0.5,g=0,B=1
for key in log_likelihood aic bic; do
    [ "$(flat $key)" = null ] || fail "$key of an impossible sample: $(flat $key)"
done
[ "$(flat converged)" = false ] || fail "an impossible sample has converged"
fit gk200.csv -m mle --fix k=-0.5,g=0
is_fit "k = -0.5"
is_true "$(flat log_likelihood) > -446.8 && $(flat log_likelihood) < -446" || fail "k = -0.5: $(flat log_likelihood)"

# A value too far away for its density is not outside the support, and there are no errors.
{ cat "$cases/gk200.csv"; echo 1e300; } > far.csv
"$gkvae" fit far.csv -m mle --fix B=1,g=0,k=0 > text 2> messages || fail "a far value is refused"
grep -q "the density of values that are far away" text || fail "why log L is -inf: $(cat text)"
grep -q "unknown" text || fail "errors without a maximum: $(cat text)"
"$gkvae" fit far.csv -m mle --normal --json > json 2> messages || fail "a far value is refused"
is_fit normal with a far value
is_true "$(flat log_likelihood) > -1.4e5" || fail "normal with a far value: $(cat json)"

# Profile intervals of such an estimate are those with g held.
{ echo u; for i in $(seq 100); do echo "0.$((100 + 8 * i))"; done; } > uniform.csv
fit_text() { "$gkvae" fit uniform.csv -m mle --intervals profile "$@" 2> messages | grep '^[ABk] '; }
[ "$(fit_text)" = "$(fit_text --fix g=0)" ] || fail "profile at g = 0: $(fit_text)"

# Uniform values have the greatest likelihood at g = 0 exactly.
expect 0 "exactly 0" "$gkvae" fit uniform.csv -m mle
"$gkvae" fit uniform.csv -m mle --json > json 2> messages || fail "uniform values are refused"
grep -q "g is exactly 0" messages && [ "$(flat symmetric)" = true ] || fail "uniform: $(cat json messages)"

finish
