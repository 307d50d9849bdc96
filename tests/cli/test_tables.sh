# Tables as spreadsheets, R, pandas and NumPy write them, read by gkvae fit and gkvae gk.
. "$2/tests/cli/lib.sh"
tables=$source/tests/fixtures/tables

# counts FILE [OPTION…]: the names of the fitted columns and their numbers of values, as "x 60, y 60".
counts() {
    "$gkvae" fit "$@" --method octile --json > json 2> messages
    sed -n 's/^    "column": "\(.*\)",$/\1/p; s/^    "n": \([0-9]*\),$/ \1, /p' json | tr -d '\n' | sed 's/, $//'
}
read_as() { # read_as COUNTS MESSAGE FILE [OPTION…]: they are as expected; MESSAGE is all of standard error, or "" for nothing
    local expected=$1 message=$2 got
    shift 2
    got=$(counts "$@")
    [ "$got" = "$expected" ] || fail "$*: \"$got\", not \"$expected\": $(cat messages)"
    if [ -z "$message" ]; then
        [ ! -s messages ] || fail "$*: $(cat messages)"
    else
        grep -qF -e "$message" messages || fail "$*: no \"$message\" in: $(cat messages)"
    fi
}

# --- Reported cases ---
read_as "x; in mm 60, y 60" "" "$tables/header-semicolon-in-quote.csv"
read_as "x, mm 60, y 60" "" "$tables/tab-quoted-comma.tsv"
read_as "Body mass 60" "" "$tables/blank-onecol.csv"
read_as "x 60, y 60" "" "$tables/sep-directive.csv"
read_as "id 60, 2020 60" "line 1 is the header" "$tables/headermixed.csv"
read_as "id 60, 2020 60, 2021 60" "line 1 is the header" "$tables/headermixed-q.csv"
read_as "x 60, y 61" "1 of 61 rows dropped: missing values in column x, the first in line 32" "$tables/na-hn-a.csv"
read_as "y 61" "" "$tables/na-hn-a.csv" --column y
read_as "x 60, y 61" "1 of 61 rows dropped: missing values in column x, the first in line 2" "$tables/dash-first.csv"
read_as "x 60, y 61" "1 of 61 rows dropped: missing values in column x, the first in line 2" "$tables/none-first.csv"
read_as "x 60, y 60" "the first column holds row names" "$tables/rowindex-r.txt"
read_as "Gr��e 60, y 60" "" "$tables/win1252.csv"
expect 3 "it is UTF-32" "$gkvae" fit "$tables/utf32.csv"
for kind in -M "-K 1"; do
    # shellcheck disable=SC2086
    expect 0 '"column": "Gr��e"' "$gkvae" fit "$tables/win1252.csv" $kind -j -q
done
expect 0 '"Gr��e",' "$gkvae" fit "$tables/win1252.csv" -M -j -q
printf 'x,y\n$12,1\n' > dollar.csv
tail -n +3 "$tables/dash-first.csv" >> dollar.csv
read_as "y 61" 'dollar.csv:2: x: "$12" is not a finite decimal number; numbers stand alone' dollar.csv

# What a number must be without, and what to do.
almost() { # almost FIELD ADVICE: the field in the place of the third number
    awk -v f="$1" 'NR == 4 { print f; next } { print }' "$tables/gk200.csv" > almost.csv
    expect 3 "is not a finite decimal number; $2" "$gkvae" fit almost.csv
}
for field in "1'234.5" 1_234.5 $'1\u00A0234.5' $'1\u202F234.5'; do
    almost "$field" "thousands are not grouped"
done
almost 0x1p3 "write it in decimal"
for field in Inf -inf +Infinity; do
    almost "$field" "leave its row out of the file, or let it be dropped as a missing value (--na)"
done

# Every method gives the same keys; those of octile that are unknown are null.
keys() { sed -n 's/^ *"\([a-zA-Z_0-9]*\)":.*/\1/p' json; }
counts "$tables/gk200.csv" > /dev/null
keys > octile
for key in confidence chi2 degrees_of_freedom p_value anderson_darling levels converged at_bound symmetric covariance; do
    grep -qE "^    \"$key\": null,?\$" json || fail "octile: $key is not null: $(cat json)"
done
for method in lm mle; do
    "$gkvae" fit "$tables/gk200.csv" --method $method --json > json 2> messages
    keys | cmp -s - octile || fail "$method: other keys than octile: $(keys | diff - octile)"
done

# --- Cases of the same kinds ---
spelled() { # spelled SPELLING: the first field of a row means a missing value
    awk -v to="$1" 'NR == 9 { sub(/^[^,]*/, "") ; print to $0; next } { print }' "$tables/dash-first.csv" |
        sed '2d' > spelled.csv
    read_as "x 59, y 60" "1 of 60 rows dropped: missing values in column x, the first in line 8" spelled.csv
}
for spelling in '#WERT!' '#NV' '#¡VALOR!' '#BEZUG!' '#NOM?' '#Н/Д' Err:502 NaT '\\N' '(null)'; do
    spelled "$spelling"
done
sed '9s/^/#/' "$tables/gk200.csv" > comment.csv
read_as "x 199" "that begin with # are skipped: 1, the first is line 9" comment.csv
tr '\n' '\r' < "$tables/gk200.csv" > cr.csv
read_as "x 200" "" cr.csv
tail -n +2 "$tables/gk200.csv" | sed 's/\..*//; s/$/,5/' > integers.csv
counts integers.csv > /dev/null
grep -qF -- '--dec , for decimal commas' messages || fail "two whole numbers: $(cat messages)"

# --- Options ---
sed 's/,/;/; s/\./,/' "$tables/header-semicolon-in-quote.csv" > comma.csv
read_as "x; in mm 60, y 60" "the decimal mark is a comma" comma.csv
read_as "x; in mm 60, y 60" "" comma.csv --dec ,
read_as "x; in mm 60, y 60" "" comma.csv --quiet
expect 3 'comma.csv:2: x; in mm: "10,1894"' "$gkvae" fit comma.csv --dec .
expect 3 "(--dec ,)" "$gkvae" fit comma.csv --dec .
sed 's/,/ ; /' "$tables/na-hn-a.csv" > odd.csv
read_as "x 60, y 61" "1 of 61" odd.csv --sep ';'
expect 3 "odd.csv" "$gkvae" fit odd.csv --sep tab
tail -n +2 "$tables/headermixed.csv" > rows.csv
read_as "column 1 60, column 2 60" "" rows.csv --no-header
read_as "0 59, 10.1894 59" "" rows.csv --header
{ echo "a title, with a comma; and more"; echo; cat "$tables/gk200.csv"; } > title.csv
expect 3 "" "$gkvae" fit title.csv
read_as "x 200" "" title.csv --skip 2
sed 's/#N\/A/-999/; s/^12.5,/n.d.,/' "$tables/na-hn-a.csv" > codes.csv
read_as "y 61" 'codes.csv:3: x: "n.d."' codes.csv
read_as "x 59, y 61" "2 of 61 rows dropped: missing values in column x, the first in line 3" codes.csv --na -999,n.d.
read_as "x 59, y 61" "" codes.csv --na none,-999,N.D. --quiet
for option in "--sep ab" "--dec ;" "--skip -1" "--header --no-header" "--sep , --dec ,"; do
    # shellcheck disable=SC2086
    expect 2 "" "$gkvae" fit codes.csv $option
done
expect 2 "the separator is a letter" "$gkvae" fit codes.csv --sep x
expect 2 "is not an archive" "$gkvae" fit codes.csv --array x
expect 3 'dash-first.csv:2: x: "-" is not a finite decimal number; leave rows' "$gkvae" fit "$tables/dash-first.csv" -c x --na none
expect 3 "(--na)" "$gkvae" fit "$tables/dash-first.csv" -c x --na none
printf '1\n2,3\n' > titles.csv
expect 3 "skip the lines before it (--skip)" "$gkvae" fit titles.csv

# A column is fitted as if the rows without its value or its weight did not exist; the file does not matter.
awk -F, 'NR == 1 { print "x,w" } NR > 1 { print (NR % 9 ? $1 : "NA") "," (NR % 10 ? 1 + NR % 3 : "") }' \
    "$tables/gk200.csv" > gaps.csv
awk -F, 'NR == 1 || ($1 != "NA" && $2 != "")' gaps.csv > whole.csv
"$gkvae" fit whole.csv --weights w --json > whole.json 2> messages
"$gkvae" fit gaps.csv --weights w --json > json 2> messages
cmp -s json whole.json || fail "a weighted fit with gaps is not that of the other rows"
grep -qF "40 of 200 rows dropped: missing values in columns x, w, the first in line 9" messages ||
    fail "dropped rows: $(cat messages)"
expect 0 "" "$gkvae" fit gaps.csv --weights w --picture gaps.png
is_png gaps.png || fail "no picture of a fit with gaps"

# --- Compressed files, standard input, pipes ---
"$gkvae" fit "$tables/gk200.csv" --json > plain.json
gzip -c "$tables/gk200.csv" > gk200.csv.gz
same() { # same COMMAND…: it prints the fit of the plain file
    "$@" > json 2> messages
    cmp -s json plain.json || fail "another fit: $*: $(cat messages)"
}
same "$gkvae" fit gk200.csv.gz --json
same "$gkvae" fit - --json < gk200.csv.gz
same "$gkvae" fit - --json < "$tables/gk200.csv"
mkfifo pipe
cat gk200.csv.gz > pipe &
same "$gkvae" fit pipe --json
{ gzip -c < "$tables/gk200.csv" | head -c 300; } > cut.gz
expect 3 "cut.gz: the gzip data stops in the middle" "$gkvae" fit cut.gz
{ gzip -c < "$tables/gk200.csv"; echo junk; } > junk.gz
expect 3 "junk.gz: the gzip data is followed by a byte 0x6a" "$gkvae" fit junk.gz
expect 3 "standard input: the gzip data is followed by a byte 0x6a" "$gkvae" fit - < junk.gz
{ head -n 50 "$tables/gk200.csv" | gzip -c; tail -n +51 "$tables/gk200.csv" | gzip -c; head -c 512 /dev/zero; } > parts.gz
same "$gkvae" fit parts.gz --json
: > empty
expect 3 "no numbers" "$gkvae" fit - < empty
expect 5 "nowhere.csv: cannot be opened" "$gkvae" fit nowhere.csv

# --- NumPy's files ---
if python=$(python_with numpy); then
    "$python" - "$tables/gk200.csv" << 'END'
import gzip, sys, zipfile
import numpy as np
x = np.loadtxt(sys.argv[1], skiprows=1)
with gzip.open("x.npy.gz", "wb") as file:
    np.save(file, x)
np.savez("stored.npz", x=x, pair=np.stack([x, -x], axis=1))
np.savez_compressed("deflated.npz", x=x, pair=np.stack([x, -x], axis=1))
np.savez("one.npz", x)
np.save("half.npy", x.astype(np.float16))
np.save("single.npy", x.astype(np.float16).astype(np.float32))
gap = x.copy()
gap[6] = np.nan
np.save("gap.npy", gap)
with zipfile.ZipFile("table.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.write(sys.argv[1], "folder/gk200.csv")
with zipfile.ZipFile("mac.zip", "w") as archive:
    archive.write(sys.argv[1], "gk200.csv")
    archive.writestr("__MACOSX/._gk200.csv", b"\0\5\x16\7")
    archive.writestr(".DS_Store", b"\0")
with zipfile.ZipFile("sheet.ods", "w") as archive:
    archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    archive.writestr("content.xml", "<a/>")
import warnings
warnings.simplefilter("ignore")
with zipfile.ZipFile("equal.npz", "w") as archive:
    for name in ("half.npy", "single.npy"):
        archive.write(name, "a.npy")
np.savez("none.npz")
np.save("object.npy", x.astype(object))
np.save("text.npy", x.astype(str))
np.save("complex.npy", x + 0j)
with zipfile.ZipFile("book.xlsx", "w") as archive:
    archive.writestr("[Content_Types].xml", "<Types/>")
whole = open("deflated.npz", "rb").read()
open("cut.npz", "wb").write(whole[:len(whole) // 2])
bad = bytearray(whole)
bad[300] ^= 255
open("bad.npz", "wb").write(bad)
END
    estimates() { sed -n '/estimate/p' "$1"; }
    for file in x.npy.gz one.npz table.zip mac.zip; do
        "$gkvae" fit $file --json > json 2> messages
        [ "$(estimates json)" = "$(estimates plain.json)" ] || fail "$file: another fit: $(cat messages)"
    done
    for file in stored.npz deflated.npz; do
        "$gkvae" fit $file --array x --json > json 2> messages
        [ "$(estimates json)" = "$(estimates plain.json)" ] || fail "$file: another fit: $(cat messages)"
        read_as "column 1 200, column 2 200" "" $file --array pair.npy
        expect 2 "$file has 2 arrays: choose one with --array: x, pair" "$gkvae" fit $file
        expect 2 "has no such array, but x, pair" "$gkvae" fit $file --array y
    done
    "$gkvae" fit - --array x --json < deflated.npz > json 2> messages
    [ "$(estimates json)" = "$(estimates plain.json)" ] || fail "an archive on standard input: $(cat messages)"
    "$gkvae" fit half.npy --json > half.json
    "$gkvae" fit single.npy --json > json
    cmp -s json half.json || fail "float16 gives another fit than the same numbers as float32"
    read_as "column 1 199" "1 of 200 rows dropped: missing values in column 1, the first in row 7" gap.npy
    expect 3 "gap.npy: row 7 of column 1 is NaN" "$gkvae" fit gap.npy --na none
    expect 2 "half.npy: it is a NumPy array" "$gkvae" fit half.npy --skip 1
    expect 3 "Office workbook" "$gkvae" fit book.xlsx
    expect 3 "it is an OpenDocument file" "$gkvae" fit sheet.ods
    expect 3 "none.npz: the zip archive has no files" "$gkvae" fit none.npz
    expect 3 "equal.npz has two files named a.npy" "$gkvae" fit equal.npz --array a
    expect 3 "save array.astype(float)" "$gkvae" fit object.npy
    expect 3 "save array.astype(float)" "$gkvae" fit text.npy
    expect 3 "save array.real" "$gkvae" fit complex.npy
    expect 3 "cut.npz: the zip archive is damaged" "$gkvae" fit cut.npz --array x
    expect 3 "bad.npz: the zip archive is damaged" "$gkvae" fit bad.npz --array x
fi

# --- gkvae gk skips a byte order mark ---
printf '\357\273\2770\n' | "$gkvae" gk cdf --params 0,1,0,0 > output 2>&1
[ "$(cat output)" = 0.5 ] || fail "a byte order mark before gk cdf: $(cat output)"
{ printf '\357'; sleep 0.1; printf '\273\2770 0'; } | "$gkvae" gk cdf --params 0,1,0,0 > output 2>&1
[ "$(tr '\n' ' ' < output)" = "0.5 0.5 " ] || fail "a byte order mark in two parts: $(cat output)"
expect 3 "is not a number" sh -c "printf '\\357\\273' | '$gkvae' gk cdf --params 0,1,0,0"
expect 3 "is not a number" sh -c "printf '0 \\357\\273\\277' | '$gkvae' gk cdf --params 0,1,0,0"
finish
