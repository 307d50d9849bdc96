# A small run from beginning to end: training, evaluation, pictures, and its files.
. "$2/tests/cli/lib.sh"

expect 0 "to measure it" "$gkvae" train small.ini --out run
[ "$(grep -c '^epoch' output)" -eq 2 ] || fail "training did not print a line for each of 2 epochs"
grep -q "validation" output && grep -q "refit" output || fail "no validation or refit in the lines of training"
for file in config.ini checkpoint.safetensors model.safetensors history.csv history.jsonl refits.jsonl times.json; do
    [ -s "run/$file" ] || fail "training left no $file"
done
[ "$(wc -l < run/history.csv)" -eq 3 ] || fail "history.csv is not a header and 2 epochs"
expect 0 "" "$gkvae" train small.ini --out quiet --quiet
[ -s output ] && fail "--quiet is not quiet"
cmp -s run/checkpoint.safetensors quiet/checkpoint.safetensors || fail "the same run twice gives other bytes"

expect 0 "active units" "$gkvae" eval run --samples 20 --images 300
grep -q "run/index.html" output || fail "eval does not print the path of its page"
for key in neg_elbo neg_elbo_se reconstruction reconstruction_se kl kl_se nll nll_se nll_samples active_units ess mse psnr \
    ssim images parameters train_seconds refit_seconds eval_seconds threads seed eval_seed protocol dataset version; do
    [ -n "$(json_number run/metrics.json $key)" ] || fail "metrics.json has no $key"
done
value() { json_number run/metrics.json "$1"; }
is_true "$(value neg_elbo) > 100 && $(value neg_elbo) < 450" || fail "−ELBO is $(value neg_elbo) after 2 epochs"
is_true "$(value nll) < $(value neg_elbo) && $(value nll) > 0" || fail "−log p(x) is not below −ELBO"
is_true "($(value reconstruction) + $(value kl) - $(value neg_elbo))^2 < 1e-6" || fail "the terms do not add up"
is_true "$(value neg_elbo_se) > 0 && $(value nll_se) > 0" || fail "standard errors are not positive"
is_true "$(value mse) > 0 && $(value mse) < 0.2 && $(value ssim) < 1" || fail "mse $(value mse), ssim $(value ssim)"
is_true "$(value train_seconds) > 0 && $(value eval_seconds) > 0" || fail "times are not positive"
is_true "$(value refit_seconds) > 0 && $(value refit_seconds) < $(value train_seconds)" ||
    fail "refits took $(value refit_seconds) of $(value train_seconds) s"
[ "$(value images)" = 300 ] && [ "$(value nll_samples)" = 20 ] && [ "$(value dataset)" = '"mnist-small"' ] ||
    fail "metrics.json: images $(value images), samples $(value nll_samples), data set $(value dataset)"

pictures="samples reconstructions interpolations base latent curves terms nearest"
for picture in $pictures; do
    is_png "run/$picture.png" || fail "eval left no $picture.png"
done
for text in "run --samples 20 --images 300" "Refits of the base" "data:image/png" "hidden = 32" "$(value protocol | tr -d '"')"; do
    grep -qF -e "$text" run/index.html || fail "index.html does not have: $text"
done
[ "$(grep -o 'data:image/png' run/index.html | wc -l)" -eq 8 ] || fail "index.html does not have 8 pictures"

cp run/metrics.json first.json
expect 0 "" "$gkvae" eval run --samples 20 --images 300 --no-pictures --threads 2 --quiet
for key in neg_elbo nll mse ssim; do
    [ "$(json_number first.json $key)" = "$(value $key)" ] || fail "$key is another on two threads"
done
[ -e run/index.html ] && fail "--no-pictures left the page of an older evaluation"

# Evaluation of other images than the test images.
expect 0 "the first 100 training images in the random order of their split, binarized once" "$gkvae" eval run --of train --samples 5 --images 100
expect 0 "the first 200 held-out images" "$gkvae" eval run --of validation --samples 5 --images 200 --refine lm:1
last() { sed -n "s/.*\"validation_neg_elbo\": \([^,]*\).*/\1/p" run/history.jsonl | tail -1; }
is_true "($(json_number run/metrics-validation.json neg_elbo) - $(last))^2 < 9" || fail "held-out images: not as in training"
[ "$(json_number run/metrics-train.json nll)" = "$(json_number run/metrics-validation.json nll)" ] && fail "the sets are one"
expect 0 "" "$gkvae" eval run --samples 20 --images 300 --no-pictures --quiet
[ -e run/metrics-train.json ] || fail "an evaluation of test images removed the one of others"
expect 2 "must be test, train or validation" "$gkvae" eval run --of tset
for set in train validation; do
    expect 3 "not the file" "$gkvae" eval run --of $set \
        --set "data.train_images=$source/tests/fixtures/mnist-small/t10k-images-idx3-ubyte.gz"
done
expect 4 "eval.images is 201, but the held-out set has 200" "$gkvae" eval run --of validation --images 201

# Pictures and images from a model file alone, and from a run folder.
expect 0 "200 images: samples.png" "$gkvae" sample run
expect 0 "7 images: seven.png" "$gkvae" sample run/model.safetensors -n 7 --seed 3 --temperature 0.5 --out seven.png
expect 0 "40 images: reconstructions.png" "$gkvae" reconstruct run
expect 0 "8 rows of 12: interpolations.png" "$gkvae" interpolate run
expect 0 "2 rows of 5: two.png" "$gkvae" interpolate run --from 3 --to 8 --from 0 --to 1 --steps 5 --out two.png
expect 0 "images" "$gkvae" sample run -n 50 --idx drawn.idx --threads 1
expect 0 "images" "$gkvae" sample run -n 50 --idx again.idx --threads 3
cmp -s drawn.idx again.idx || fail "samples depend on the number of threads"
expect 0 "50 images of 28 × 28" "$gkvae" data info drawn.idx
expect 0 "13 images: others.png" "$gkvae" reconstruct run drawn.idx -n 13 --out others.png
for picture in samples seven reconstructions interpolations two others; do
    is_png $picture.png || fail "$picture.png is not a PNG"
done
expect 3 "there are 50 images" "$gkvae" reconstruct run drawn.idx -n 51
expect 2 "the test images are 0 to 499" "$gkvae" interpolate run --from 0 --to 500
expect 4 "eval.images" "$gkvae" eval run --images 501

# A new run in the folder of an old run needs --overwrite, and then no file of the old run stays.
"$gkvae" eval run --samples 1 --images 50 --quiet > /dev/null
expect 4 "overwrite it, or name another folder (--resume, --overwrite)" "$gkvae" train small.ini --out run
[ -s run/index.html ] || fail "a run that was refused removed an evaluation"
expect 0 "done" "$gkvae" train small.ini --out run --overwrite --epochs 1 --seed 5 --set model.latent=3
[ -e run/metrics.json ] && fail "the evaluation of the old run is still there"
expect 0 "" "$gkvae" eval run --samples 2 --images 50 --no-pictures --quiet
[ "$(value seed)" = 5 ] || fail "--seed 5 was not heeded"

# The other kinds of model, and grey images, for which there is no likelihood.
expect 0 "done" "$gkvae" train small.ini --out plain --epochs 1 --set model.base=normal --set model.base_fit=fixed \
    --set model.prior_flow=none
expect 0 "index.html" "$gkvae" eval plain --samples 2 --images 50
expect 0 "done" "$gkvae" train small.ini --out grey --epochs 1 --set data.binarization=grey --set data.validation=0 \
    --set model.posterior=gk --set model.posterior_flow=planar --set model.posterior_layers=2 --set model.latent=2
expect 0 "cross-entropy" "$gkvae" eval grey --samples 2 --images 50
[ "$(json_number grey/metrics.json nll)" = null ] || fail "grey images have a likelihood"
expect 0 "images" "$gkvae" reconstruct grey --out grey.png
finish
