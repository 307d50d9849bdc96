# gkvae fit --start, --bounds and --intervals.
. "$2/tests/cli/lib.sh"

data=$source/tests/fixtures/cases/gk200.csv

json() { "$gkvae" fit "$data" --json "$@" > json 2> messages || fail "gkvae fit --json $*: $(cat messages)"; }
flat() { sed -n "s/^ *\"$1\": \([^,{]*\),*$/\1/p" json | head -n 1; }
parameter() { sed -n "/^      \"$1\": {/,/}/s/^ *\"$2\": \([^,]*\),*/\1/p" json; }
# refused TEXT OPTION…: the options are refused with this text.
refused() {
    local text=$1
    shift
    expect 2 "$text" "$gkvae" fit "$data" "$@"
}

# --- --start: the best start is kept

json -m mle
best=$(flat log_likelihood)
for start in A=-100,B=50,g=-8,k=3 g=4 k=-5 B=0.001; do
    json -m mle --start $start
    is_true "$(flat log_likelihood) > $best - 1e-6" || fail "--start $start: log L = $(flat log_likelihood), not $best"
done
json
k=$(parameter k estimate)
json --start A=-100,B=50,g=-8,k=3
is_true "($(parameter k estimate) - $k) ^ 2 < 1e-4" || fail "lm from a bad start: k = $(parameter k estimate), not $k"
json -m mle --fix g=2 --start A=3
[ "$(parameter g estimate)" = 2.0 ] || fail "--fix g=2 --start A=3: g = $(parameter g estimate)"

# --- --bounds

json -m mle
k=$(parameter k estimate)
for method in lm mle; do
    json -m $method --bounds k=:0.1,B=:50
    [ "$(parameter k bound)" = '"upper"' ] || fail "$method: k is not at its upper bound"
    is_true "$(parameter k estimate) == 0.1" || fail "$method: k = $(parameter k estimate), not 0.1"
    [ "$(parameter B bound)" = null ] || fail "$method: B is at a bound"
    "$gkvae" fit "$data" -m $method --bounds k=:0.1 > out
    grep -q '^(k is at its upper bound, 0.1)' out || fail "$method: the bound is not named"
done
json -m mle --bounds g=-50:50,k=-0.4:
is_true "($(parameter k estimate) - $k) ^ 2 < 1e-10" || fail "wide bounds change k"

# --- --intervals

json -m mle
[ "$(flat intervals)" = '"wald"' ] || fail "intervals are $(flat intervals), not wald"
json -m octile
[ "$(flat intervals)" = null ] || fail "octile has intervals"
json -m mle --intervals profile
[ "$(flat intervals)" = '"profile"' ] || fail "intervals are $(flat intervals), not profile"
best=$(flat log_likelihood)
cp json profile.json
for name in A B g k; do
    for end in low high; do
        cp profile.json json
        value=$(parameter $name $end)
        json -m mle --fix "$name=$value"
        is_true "($best - $(flat log_likelihood) - 1.92073) ^ 2 < 1e-6" ||
            fail "$end of $name: log L falls by $best - $(flat log_likelihood)"
    done
done
"$gkvae" fit "$data" -m mle --intervals profile > out
grep -q '^(intervals of the profile likelihood)' out || fail "the table does not name the intervals"
json -m mle --intervals profile --confidence 0.5
is_true "$(parameter k high) - $(parameter k low) > 0" || fail "no interval at 0.5"

# --- What is refused

refused '--start X=1: must be A, B, g, k or h' --start X=1
refused '--start g: must be A, B, g, k or h' --start g
refused 'g is given twice' --start g=1,g=2
refused 'B must be above 0' --start B=0
refused 'must be LOW:HIGH' --bounds k=1
refused 'must be LOW:HIGH' --bounds k=:
refused 'k is given twice' --bounds k=0:1,k=0:2
refused 'the lower bound is above' --bounds k=1:0
refused 'B is above 0' --bounds B=:0
refused 'outside --bounds' --bounds k=0:1 --start k=2
refused '--fix holds g already' --fix g=1 --start g=2
refused '--normal holds k already' --normal --bounds k=0:1
refused 'the g-and-k family has no h' --start h=0.1
refused 'the g-and-h family has no k' --family gh --bounds k=0:1
refused '--start does not go with --method octile' -m octile --start g=1
refused '--bounds does not go with --multivariate' --multivariate --bounds k=0:1
refused '--start does not go with --mixture' --mixture 2 --start g=1
refused '--intervals profile does not go with --multivariate' -m mle --multivariate --intervals profile
refused '--intervals profile needs --method mle' --intervals profile
refused 'must be wald or profile' --intervals wide

finish
