# A model of grey levels from training to samples: figures in bits per dimension, draws that are levels, the same bytes on
# any number of threads and after a stop, and no words about binary pixels.
. "$2/tests/cli/lib.sh"

sed -e 's/^validation = 200/&\nbinarization = grey/' -e 's/^latent = 6/&\nlikelihood = logistic-mixture/' small.ini > grey.ini
for threads in 1 2 3; do
    expect 0 "done" "$gkvae" train grey.ini --out "run-$threads" --threads $threads
    cmp run-1/model.safetensors "run-$threads/model.safetensors" || fail "another model on $threads threads"
done
expect 0 "done" "$gkvae" train grey.ini --out stopped --epochs 2 --set train.checkpoint_every=1
cmp run-1/model.safetensors stopped/model.safetensors || fail "checkpoints change the model"

# A run that is interrupted and resumed ends with the same bytes.
"$gkvae" train grey.ini --out resumed > /dev/null 2>&1 &
pid=$!
i=0
until [ -e resumed/checkpoint.safetensors ] || [ $((i += 1)) -gt 600 ]; do sleep 0.05; done
kill -INT $pid 2> /dev/null
wait $pid
if [ -e resumed/checkpoint.safetensors ] && ! cmp -s run-1/model.safetensors resumed/model.safetensors; then
    expect 0 "" "$gkvae" train --resume --out resumed
fi
cmp run-1/model.safetensors resumed/model.safetensors || fail "another model after an interruption"

# The figures.
value() { json_number "$1/metrics.json" "$2"; }
expect 0 "bits per dimension, at most" "$gkvae" eval run-1 --refine lm:2 --set eval.images=100 --set eval.draws=100 --set eval.draw_sets=1 --set eval.features=mnist
grep -qi "binar\|probabilit" output && fail "the text of an evaluation names binary pixels: $(grep -i 'binar\|probabilit' output)"
[ "$(value run-1 pixels)" = '"grey levels"' ] || fail "pixels are $(value run-1 pixels)"
[ "$(value run-1 values)" = 784 ] || fail "$(value run-1 values) values"
for key in neg_elbo nll refined_neg_elbo refined_nll; do
    is_true "($(value run-1 ${key}_bits) - $(value run-1 $key) / (784 * 0.693147180559945))^2 < 1e-12" ||
        fail "$key: $(value run-1 $key) nats are $(value run-1 ${key}_bits) bits per dimension"
done
is_true "$(value run-1 nll_bits) > 0.5 && $(value run-1 nll_bits) < 8" || fail "$(value run-1 nll_bits) bits per dimension"
is_true "$(value run-1 refined_nll) < $(value run-1 nll)" || fail "refinement makes −log p larger"
[ "$(value run-1 binary_frechet_lenet)" = null ] || fail "binary draws of a grey model"
for key in frechet_lenet drawn_frechet_lenet posterior_drawn_frechet_lenet floor_drawn_frechet_lenet; do
    is_true "$(value run-1 $key) > 0" || fail "$key is $(value run-1 $key)"
done
# A row of a table has a name that no other row of the table has.
for heading in Measurements "Refined posteriors"; do
    sed -n "/<h2[^>]*>$heading</,/<\/table>/p" run-1/index.html | sed -n 's/.*<th scope="row">\([^<]*\)<.*/\1/p' > rows
    [ "$(wc -l < rows)" -gt 9 ] || fail "$heading: only $(wc -l < rows) rows"
    sort rows | uniq -d | grep . && fail "$heading: rows with one name"
done
sed 's/<[^>]*>//g' run-1/index.html > page.txt
grep -qF "discretised logistic distributions" page.txt || fail "the page does not name the likelihood"
grep -qF "bits per dimension" page.txt || fail "the page has no bits per dimension"
grep -i "probabilit" page.txt | grep -vi "most probable\|largest probability\|whose .* probability" |
    grep -q . && fail "the page speaks of probabilities: $(grep -i probabilit page.txt)"
sed '/^\[data\]/,$d' page.txt | grep -qi "binar" && fail "the page names binary pixels: $(grep -i binar page.txt)"

# A binary model has no bits per dimension.
expect 0 "done" "$gkvae" train small.ini --out binary --epochs 1
expect 0 "nats per image, at most" "$gkvae" eval binary --set eval.generation=none
grep -qi "bits\|grey level" output && fail "the text of a binary model names grey levels: $(cat output)"
[ "$(value binary nll_bits)" = null ] || fail "bits per dimension of binary pixels: $(value binary nll_bits)"
[ "$(value binary pixels)" = '"binary"' ] || fail "pixels are $(value binary pixels)"

# Draws are levels, medians too, and means are none.
for form in means medians draws; do
    expect 0 "60 images" "$gkvae" sample run-1 -n 60 --form $form --npy $form.npy --idx $form.idx --threads 1
    expect 0 "60 images" "$gkvae" sample run-1 -n 60 --form $form --npy two.npy --idx two.idx --threads 2
    cmp $form.npy two.npy || fail "--form $form: other numbers on 2 threads"
done
levels() { tail -c +17 "$1" | od -An -v -tu1 -w1 | sort -un | wc -l; }
is_true "$(levels draws.idx) > 60" || fail "draws have $(levels draws.idx) levels"
mean() { tail -c +17 "$1" | od -An -v -tu1 -w1 | awk '{ sum += $1 } END { print sum / NR }'; }
is_true "($(mean draws.idx) - $(mean means.idx))^2 < 4" || fail "means $(mean means.idx), draws $(mean draws.idx)"
expect 0 "" "$gkvae" reconstruct run-1 --out picture.png
is_png picture.png || fail "no picture of reconstructions"

# The likelihoods by g-and-k distributions.
for likelihood in gk gk-mixture; do
    for threads in 1 2; do
        expect 0 "done" "$gkvae" train grey.ini --out "$likelihood-$threads" --epochs 1 --threads $threads \
            --set model.likelihood=$likelihood --set model.hidden=16
    done
    cmp $likelihood-1/model.safetensors $likelihood-2/model.safetensors || fail "$likelihood: another model on 2 threads"
    expect 0 "bits per dimension, at most" "$gkvae" eval $likelihood-1 --refine lm:1 --set eval.images=20 \
        --set eval.generation=none
    is_true "$(value $likelihood-1 nll_bits) > 0.5 && $(value $likelihood-1 nll_bits) < 8" ||
        fail "$likelihood: $(value $likelihood-1 nll_bits) bits per dimension"
    is_true "$(value $likelihood-1 refined_neg_elbo) <= $(value $likelihood-1 neg_elbo)" || fail "$likelihood: refinement loses"
    expect 0 "6 images" "$gkvae" sample $likelihood-1 -n 6 --form draws --npy gk.npy
    sed 's/<[^>]*>//g' $likelihood-1/index.html | grep -q "discretised g-and-k" || fail "$likelihood: the page names another one"
done

# Combinations that make no sense.
expect 4 "set data.binarization to grey" "$gkvae" train small.ini --out no --set model.likelihood=logistic-mixture
expect 4 "likelihood_components" "$gkvae" train grey.ini --out no --set model.likelihood_components=17
expect 4 "logistic-mixture" "$gkvae" train grey.ini --out no --set model.likelihood=logistics
finish
