# Pages and pictures of images of any legal size, and of every base: bounded, true, and without an unknown value.
. "$2/tests/cli/lib.sh"
fixture=$source/tests/fixtures/mnist-small
gzip -dc "$fixture/train-images-idx3-ubyte.gz" | tail -c +17 > levels

# images FILE COUNT HEIGHT WIDTH: images of another size, of the same levels.
field() { printf '%08x' "$1" | sed 's/../\\x&/g'; }
images() {
    { printf '\0\0\010\003'; printf "$(field "$2")$(field "$3")$(field "$4")"; head -c $(($2 * $3 * $4)) levels; } > "$1"
}
for size in "40 600 60" "1 1500 100" "256 256 23" "65536 1 20" "1 1 200"; do
    set -- - - $size
    name=$3x$4
    mkdir -p "data/$name"
    images "data/$name/train-images-idx3-ubyte" "$5" "$3" "$4"
    images "data/$name/t10k-images-idx3-ubyte" "$(($5 / 2))" "$3" "$4"
    expect 0 "done" "$gkvae" train small.ini --out "$name" --epochs 1 --set model.base=normal --set model.base_fit=fixed \
        --set data.folder=data --set data.dataset="$name" --set data.validation=3 --set train.batch=10
    expect 0 "the results page" "$gkvae" eval "$name" --samples 1
    bytes=$(wc -c < "$name/index.html")
    [ "$bytes" -lt 8000000 ] || fail "the page of images of $name has $bytes bytes"
    grep -qi '>nan\|nan<\| nan ' "$name/index.html" && fail "the page of $name says nan"
    case $name in
    256x256 | 40x600) expect 0 "40 images" "$gkvae" sample "$name" -n 40 ;; # to compress more of them takes seconds
    *) expect 0 "200 images" "$gkvae" sample "$name" ;;
    esac
    expect 0 " rows of 12" "$gkvae" interpolate "$name" --out i.png
    is_png samples.png && is_png i.png || fail "no pictures of $name"
done
grep -qF "8 images drawn" 256x256/index.html || fail "the page says another number of draws: $(grep -o '[0-9]* images drawn' 256x256/index.html)"

# The refits of each base: columns that it has, and rows that span the run.
page() { sed -n '/id="h[0-9]*">Refits of the base/,/<\/section>/p' "$1/index.html"; }
for base in full-gaussian student-t gk gk-copula gaussian-mixture gk-mixture gk-by-class; do
    components=3
    [ $base != gk-by-class ] || components=1 # of each of ten classes
    expect 0 "done" "$gkvae" train mixture.ini --out "$base" --set model.base=$base --set model.base_components=$components \
        --set train.epochs=3 --set data.validation=1000
    expect 0 "the results page" "$gkvae" eval "$base" --samples 1 --images 50
    page "$base" > table
    grep -q "<tbody>" table || fail "$base: no table of refits"
    grep -qi "nan" table && fail "$base: nan in the table of refits"
    grep -qE "– (→|…)|(→|…) –" table && fail "$base: a range of unknown numbers"
    [ "$(grep -c '<th scope="row"' table)" -le 10 ] || fail "$base: too many rows"
    grep -q '<th scope="row" class="n" data-h="epoch">1</th>' table && grep -q '<th scope="row" class="n" data-h="epoch">3</th>' table ||
        fail "$base: the rows do not span the run"
    case $base in
    gk | gk-copula) grep -q "LM steps" table && ! grep -q "EM iterations" table || fail "$base: columns of another base" ;;
    *mixture | *class) grep -q "EM iterations" table && ! grep -q "LM steps" table || fail "$base: columns of another base" ;;
    esac
done

# Grey levels have no likelihood, and the page says so.
expect 0 "done" "$gkvae" train small.ini --out grey --epochs 1 --set data.binarization=grey
expect 0 "cross-entropy" "$gkvae" eval grey --samples 1 --images 50
for text in "upper bound on −log p(x)" "−log p(x|z)" "−log p(x)" "pixel probabilities" "−ELBO ="; do
    grep -qF -e "$text" grey/index.html && fail "the page of a grey run says: $text"
done
grep -qF "bounds no likelihood" grey/index.html || fail "the page of a grey run does not say what its loss is"
finish
