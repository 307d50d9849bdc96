# gkvae gk --fit: distributions of several columns from the files of gkvae fit --json.
. "$2/tests/cli/lib.sh"
gk() { "$gkvae" gk "$@"; }
returns=$source/examples/returns/returns.csv
"$gkvae" fit "$returns" -c index,currency --multivariate --json > multi.json
"$gkvae" fit "$returns" -c index,currency --mixture 2 --json --quiet > mix.json
"$gkvae" fit "$returns" -c index,currency --json > columns.json

# total FILE: the sum of its numbers. near A B TOLERANCE.
total() { awk '{ s += $1 } END { printf "%.17g\n", s }' "$1"; }
near() {
    is_true "(($1) - ($2))^2 <= ($3)^2" || fail "$1 is not $2 up to $3: $4"
}
sorted_near() { # FILE FILE TOLERANCE: the files agree number by number.
    paste -d, "$1" "$2" | awk -F, -v t="$3" 'NF % 2 { exit 1 } { h = NF / 2
        for (i = 1; i <= h; i++) if (!(($i - $(i + h))^2 <= t * t * (1 + $i * $i))) exit 1 }'
}

# --- densities of rows: their sum is the log-likelihood of the fit ---
for kind in multi mix; do
    gk logpdf --fit $kind.json "$returns" > densities 2> messages || fail "$kind: $(cat messages)"
    grep -q "columns are matched by name: index, currency" messages || fail "no word on the columns: $(cat messages)"
    near "$(total densities)" "$(sed -n 's/^  "log_likelihood": \(.*\),$/\1/p' $kind.json)" 1e-5 "$kind"
    gk pdf --log --fit $kind.json < "$returns" 2> messages | cmp -s - densities || fail "$kind: standard input, or --log"
    gk pdf --quiet --fit $kind.json "$returns" 2> messages > plain
    [ -s messages ] && fail "--quiet prints: $(cat messages)"
    awk '{ print log($1) }' OFMT=%.17g CONVFMT=%.17g plain > logs
    sorted_near logs densities 1e-12 || fail "$kind: pdf is not exp(logpdf)"
done

# --- columns: by name in any order, by position without names ---
sed 1d "$returns" | awk -F, 'NR == 1 { print "currency;x;index" } NR > 1 { print $3 ";a;" $2 }' > turned.csv
awk -F'[;]' 'NR > 1 { print $3, $1 }' turned.csv > bare.txt
gk logpdf -q --fit mix.json turned.csv | cmp -s - densities || fail "the order of named columns matters"
gk logpdf --fit mix.json bare.txt 2> messages | cmp -s - densities || fail "columns without names: $(cat messages)"
grep -q "matched by position: 1 is index, 2 is currency" messages || fail "positions are not told: $(cat messages)"
cut -d' ' -f1 bare.txt > one.txt
expect 3 "1 columns for 2" "$gkvae" gk logpdf --fit mix.json one.txt
sed 's/currency/gold/' turned.csv > renamed.csv
expect 3 'not one column "currency"' "$gkvae" gk logpdf --fit mix.json renamed.csv
awk 'NR == 3 { print "NA", $2; next } { print }' bare.txt > gap.txt
gk logpdf --fit mix.json gap.txt > answers 2> messages
grep -q "1 missing value; " messages && [ "$(sed -n 3p answers)" = nan ] && [ "$(wc -l < answers)" -eq "$(wc -l < densities)" ] ||
    fail "a missing value: $(cat messages), $(sed -n 3p answers)"
expect 5 "notes.csv" "$gkvae" gk logpdf --fit mix.json notes.csv
"$gkvae" fit bare.txt --mixture 2 --json -q > unnamed.json
expect 3 "3 columns for 2" "$gkvae" gk logpdf --fit unnamed.json turned.csv
gk logpdf -q --fit unnamed.json bare.txt | cmp -s - densities || fail "columns without names in the fit"

# --- draws: the digits of the file are those of the fit ---
gk sample --fit mix.json -n 5000 -S 7 > draws.csv
[ "$(head -n 1 draws.csv)" = index,currency ] && [ "$(wc -l < draws.csv)" -eq 5001 ] || fail "draws: $(head -n 2 draws.csv)"
gk sample --fit mix.json -n 100 -S 7 | cmp -s - <(head -n 101 draws.csv) || fail "fewer draws are not the beginning of more"
gk sample --fit mix.json -n 100 -S 8 | cmp -s - <(head -n 101 draws.csv) && fail "another seed gives the same draws"
gk sample --fit mix.json -n 5000 -S 7 -o again.csv && cmp -s again.csv draws.csv || fail "a file has other draws"
gk sample --fit mix.json -n 5000 -S 7 -o draws.npy
[ "$(head -c 128 draws.npy | grep -ao "'shape': (5000, 2)")" ] && [ "$(wc -c < draws.npy)" -eq $((128 + 80000)) ] ||
    fail "no array of 5000 rows"
gk logpdf -q --fit mix.json draws.csv > from_text
gk logpdf -q --fit mix.json draws.npy | cmp -s - from_text || fail "text and array hold other draws"
gk whiten -q --fit mix.json draws.csv > white
gk z -q --fit mix.json draws.csv -o z.csv
for file in white z.csv; do
    [ "$(head -n 1 $file)" = index,currency ] || fail "$file has no names"
    awk -F, 'NR > 1 { n++; for (i = 1; i < 3; i++) { s[i] += $i; q[i] += $i * $i } c += $1 * $2 }
        END { for (i = 1; i < 3; i++) { m = s[i] / n; v = q[i] / n - m * m; if (m * m > 9 / n || (v - 1)^2 > 18 / n) exit 1 } print c / sqrt(n) }' \
        $file > cross || fail "$file is not standard normal"
    is_true "($(cat cross))^2 < 9" && dependent=no || dependent=yes
    [ $file-$dependent = white-no ] || [ $file-$dependent = z.csv-yes ] || fail "$file: the columns' dependence: $dependent"
done
# One component is whitened by the factor of its correlation: w = L⁻¹z.
gk z -q --fit multi.json "$returns" | sed 1d > z
gk whiten -q --fit multi.json "$returns" | sed 1d > w
r=$(awk '/"correlation"/ { on = 1 } on && /^      0\.|^      -0\./ { sub(",", ""); print $1; exit }' multi.json)
awk -F, -v r="$r" '{ printf "%.17g,%.17g\n", $1, ($2 - r * $1) / sqrt(1 - r * r) }' z > expected
sorted_near w expected 1e-9 || fail "whitened scores of one component"

# --- one column: margins ---
for q in .001 .3 .5 .97; do
    near "$(gk cdf --fit mix.json -c index "$(gk quantile --fit mix.json -c index $q)")" $q 1e-15 "margin of a mixture"
    near "$(gk cdf -u --fit mix.json -c 2 "$(gk quantile -u --fit mix.json -c currency $q)")" $q 1e-15 "upper margin"
    near "$(gk cdf --fit multi.json -c index "$(gk quantile --fit columns.json -c index $q)")" $q 1e-14 "the same margin"
done
sum=$(awk 'BEGIN { for (i = 0; i < 4000; i++) print -20 + (i + .5) / 100 }' | gk pdf --fit mix.json -c index | awk '{ s += $1 / 100 } END { print s }')
near "$sum" 1 1e-5 "the density of a margin has the sum"
near "$(gk logcdf --fit mix.json -c 1 -- -30)" "$(gk cdf -l --fit mix.json -c 1 -30)" 0 "logcdf"
near "$(gk z --fit mix.json -c 1 "$(gk quantile --fit mix.json -c 1 .975)")" 1.959963984540054 1e-9 "a normal score"
near "$(gk summary --fit multi.json -c index | awk '/^median/ { print $2 }')" "$(gk quantile --fit multi.json -c index .5)" 1e-12 median
[ "$(gk sample --fit mix.json -c currency -n 3 | wc -l)" -eq 3 ] || fail "draws of a margin have a header"

# --- conditional distributions: f(x | y) = f(x, y)/f(y) ---
for kind in multi mix; do
    printf 'index,currency\n-1.5,0.75\n' > row.csv
    joint=$(gk logpdf -q --fit $kind.json row.csv)
    near "$(gk logpdf --fit $kind.json --given index=-1.5 .75)" "$joint - $(gk logpdf --fit $kind.json -c index -1.5)" 1e-12 "$kind given index"
    near "$(gk logpdf --fit $kind.json --given 2=.75 -c index -1.5)" "$joint - $(gk logpdf --fit $kind.json -c 2 .75)" 1e-12 "$kind given 2"
    near "$(gk cdf --fit $kind.json --given index=-1.5 "$(gk quantile --fit $kind.json -g index=-1.5 .2)")" .2 1e-14 "$kind conditional quantile"
    gk sample --fit $kind.json --given index=-1.5 -n 4000 | gk cdf --fit $kind.json --given index=-1.5 |
        awk '{ s += $1; q += $1 * $1 } END { m = s / NR; if ((m - .5)^2 > 9 / 12 / NR || (q / NR - 1 / 3)^2 > 9 * 4 / 45 / NR) exit 1 }' ||
        fail "$kind: conditional draws are not uniform in their own distribution"
done

# Names with commas, equals and quotes, in both directions.
awk 'NR == 1 { print "\"a,b=1\";\"say \"\"c\"\"\";d" } { print $1 ";" $2 ";" $1 * $2 + NR % 7 }' bare.txt > odd.csv
"$gkvae" fit odd.csv --multivariate --json > odd.json 2> messages || fail "odd names: $(cat messages)"
gk sample --fit odd.json -n 50 > draws.csv
[ "$(head -n 1 draws.csv)" = '"a,b=1","say ""c""",d' ] || fail "names in CSV: $(head -n 1 draws.csv)"
gk logpdf -q --fit odd.json draws.csv > answers && [ "$(wc -l < answers)" -eq 50 ] || fail "odd names are not found again"
gk sample --fit odd.json -n 2 -c 'a,b=1,d' | head -n 1 | cmp -s - <(echo '"a,b=1",d') || fail "a list of odd names"
gk quantile --fit odd.json --given 'a,b=1=.3,d=2' .5 > answers || fail "odd names are not given"
near "$(cat answers)" "$(gk quantile --fit odd.json --given '1=.3,3=2' .5)" 0 "names and numbers"

# --- refused ---
wrong() { # wrong TEXT ARGUMENT…
    local text=$1
    shift
    expect 2 "$text" "$gkvae" gk "$@"
}
wrong "is for one column" cdf --fit mix.json 1
wrong "is for one column" summary --fit multi.json
wrong "mixture or a conditional" summary --fit mix.json -c index
wrong "not among the arguments" logpdf --fit mix.json 1 2
wrong "not among the arguments" logpdf --fit mix.json -1
wrong "--given goes with --fit" pdf --params 0,1,0,0 --given x=1 1
wrong "no joint distribution" pdf --fit columns.json -c index --given currency=1 1
wrong "no joint distribution" sample --fit columns.json -c index,currency
wrong 'no column "gold"' sample --fit mix.json -c index,gold
wrong 'no column "gold"' sample --fit mix.json --given gold=1
wrong "NAME=VALUE" sample --fit mix.json --given index
wrong '"two" is not a finite number' sample --fit mix.json --given index=two
wrong "all columns are given" sample --fit mix.json --given index=1,currency=1
wrong "named twice" sample --fit mix.json --given index=1,1=2
wrong "named twice" sample --fit mix.json -c index,1
wrong 'no column "index"' cdf --fit mix.json --given index=1 -c index 1
wrong "no column \"3\"" cdf --fit mix.json -c 3 1
wrong "quantile has no --out" quantile --fit mix.json -c 1 -o x.csv
wrong "--out is for" z --fit mix.json -c 1 -o x.csv 1
wrong "a table" sample --fit mix.json -o x.png
ln -s mix.json same.csv
wrong "--out" sample --fit mix.json -o same.csv
expect 2 "is not a finite number" "$gkvae" gk sample --fit mix.json --given index=inf

# Damaged files, other JSON, and another version.
cat > cases << 'END'
mix|f["schema"] = "gkvae-fit-2"|its schema is gkvae-fit-2
columns|f[0]["schema"] = "gkvae-fit-2"|its schema is gkvae-fit-2
mix|del f["schema"]|not what gkvae fit --json writes
mix|f = [1, 2]|not what gkvae fit --json writes
mix|f = []|no fit of a column
mix|f["components"] = []|no component
mix|f["components"][1]["weight"] = None|component 2: the key "weight" has no number
mix|f["components"][1]["weight"] = -1|weight -1
mix|del f["components"][0]["margins"][1]["k"]|component 1, column 2: the key "k" has no number
mix|f["components"][1]["margins"][0]["B"] = -1|component 2, column 1: 
mix|f["components"][1]["margins"][0]["column"] = "x"|another name than in the first
mix|f["components"][1]["margins"].pop()|another number of columns
mix|del f["components"][1]["margins"]|there is no fit of a column
mix|f["components"][1]["cholesky"][1].pop()|component 2: the key "cholesky" has no 2 × 2 numbers
mix|f["components"][1]["correlation"] = [[1, 0.9], [0.9, 1]]|component 2: the key "cholesky" is not a factor
multi|f["correlation"] = "none"|the key "correlation" has no 2 × 2 numbers
multi|f["cholesky"][0][1] = 0.5; f["cholesky"][1][1] = -f["cholesky"][1][1]; f["correlation"][0][1] += 1e-3|is not a factor
multi|f["margins"][0]["parameters"]["A"]["estimate"] = None|column 1: the key "A" has no number
columns|f[0]["column"] = 3|column 1: the key "column" has no name
multi|f["margins"][1]["family"] = "normal"|column 2: the key "family"
END
python3 -c "
import json
for i, line in enumerate(open('cases')):
    name, change, _ = line.split('|')
    space = {'f': json.load(open(name + '.json'))}
    exec(change, space)
    json.dump(space['f'], open('broken-%d.json' % i, 'w'))"
i=0
while IFS='|' read -r _ change text; do
    expect 3 "$text" "$gkvae" gk sample -c 1 --fit broken-$i.json
    [ "$(wc -l < output)" -eq 1 ] || fail "$change: more than one line: $(cat output)"
    i=$((i + 1))
done < cases
[ $i -ge 20 ] || fail "only $i damaged files"
head -c 700 mix.json > broken.json
expect 3 "this is not JSON" "$gkvae" gk sample --fit broken.json
sed 's/"weight"/"weight": 0.5, "weight"/' mix.json > broken.json
expect 3 "this is not JSON" "$gkvae" gk sample --fit broken.json

# --- the fit from standard input, and the numbers from the arguments ---
gk cdf -c index --fit - 1 2 < columns.json > from_input
gk cdf -c index --fit columns.json 1 2 | cmp -s - from_input || fail "--fit -: $(cat from_input)"
expect 2 "give the numbers as arguments" "$gkvae" gk cdf -c index --fit - < columns.json
finish
