# Models of colour images from training to samples: the same bytes on any number of threads, figures in bits per dimension
# of all three channels, pictures in colour, and images of other channels refused.
. "$2/tests/cli/lib.sh"
fixture=$source/tests/fixtures/mnist-small
png=$source/tests/fixtures/png

# Digits in random colours, of which green is close to red.
cat > make.py << 'END'
import gzip, sys
import numpy as np

random = np.random.default_rng(1)
for part, half, count in ("train", "train", 300), ("test", "t10k", 60):
    x = np.frombuffer(gzip.open(f"{sys.argv[1]}/{half}-images-idx3-ubyte.gz").read()[16:], np.uint8).reshape(-1, 28, 28)
    x = x[:count, ::2, ::2, None] / 255
    ink, paper = random.uniform(0, 1, (2, count, 1, 1, 3))
    ink[..., 1], paper[..., 1] = ink[..., 0], 1 - ink[..., 0]
    np.save(f"{part}.npy", np.round(255 * (x * ink + (1 - x) * paper)).astype(np.uint8))
END
python=$(python_with numpy) && "$python" make.py "$fixture" || exit 77
cat > colour.ini << 'END'
[data]
train_images = train.npy
test_images = test.npy
binarization = grey
validation = 50
[model]
latent = 6
hidden = 32
layers = 1
base = gk
likelihood = logistic-mixture
[train]
epochs = 2
batch = 50
[eval]
samples = 5
images = 20
END
value() { json_number "$1/metrics.json" "$2"; }

# Every likelihood of levels, on any number of threads.
for likelihood in logistic-mixture gk gk-mixture; do
    run=$likelihood
    for threads in 1 2; do
        expect 0 "done" "$gkvae" train colour.ini --out "$run-$threads" --threads $threads --set model.likelihood=$likelihood
    done
    cmp "$run-1/model.safetensors" "$run-2/model.safetensors" || fail "$likelihood: another model on 2 threads"
    expect 0 "−log p(x) of colour levels" "$gkvae" eval "$run-1" --refine lm:1
    grep -qi "grey level\|binar\|probabilit" output && fail "words of other pixels: $(grep -i 'grey level\|binar\|probabilit' output)"
    grep -q "feature networks are of grey images" output || fail "silence on the metrics of generation"
    [ "$(value "$run-1" pixels)" = '"colour levels"' ] || fail "pixels are $(value "$run-1" pixels)"
    [ "$(value "$run-1" values)" = 588 ] || fail "$(value "$run-1" values) values"
    for key in neg_elbo nll refined_neg_elbo refined_nll; do
        is_true "($(value "$run-1" ${key}_bits) - $(value "$run-1" $key) / (588 * 0.693147180559945))^2 < 1e-12" ||
            fail "$key: $(value "$run-1" $key) nats are $(value "$run-1" ${key}_bits) bits per dimension"
    done
    is_true "$(value "$run-1" nll_bits) > 0.5 && $(value "$run-1" nll_bits) < 9" || fail "$(value "$run-1" nll_bits) bits per dimension"
    is_true "$(value "$run-1" refined_neg_elbo) <= $(value "$run-1" neg_elbo)" || fail "$likelihood: refinement loses"
    sed 's/<[^>]*>//g' "$run-1/index.html" | grep -q "earlier channels of the pixel" || fail "the page does not name the channels"
    for form in means medians draws; do
        expect 0 "20 images" "$gkvae" sample "$run-1" -n 20 --form $form --npy one.npy --idx $form.idx --threads 1
        expect 0 "20 images" "$gkvae" sample "$run-1" -n 20 --form $form --npy two.npy --threads 2
        cmp one.npy two.npy || fail "$likelihood: --form $form has other numbers on 2 threads"
        expect 0 "20 images of 14 × 14 pixels in colour" "$gkvae" data info $form.idx
    done
done

# Pictures and codes are of colour images, too: a grey page would have grey pixels only.
mkdir pictures
expect 0 "" "$gkvae" sample logistic-mixture-1 -n 20 --out pictures/samples.png
expect 0 "in colour" "$gkvae" data import pictures --out imported
expect 0 "" "$gkvae" reconstruct logistic-mixture-1 --out pictures/reconstructed.png
is_png pictures/reconstructed.png || fail "no picture of reconstructions"
expect 0 "60 codes of 6 numbers" "$gkvae" encode logistic-mixture-1 --idx test.npy

# Resumed, augmented and fine-tuned, too.
expect 0 "done" "$gkvae" train colour.ini --out more --set train.augmentation=0.5 --set train.fine_tune_epochs=1 --set train.samples=2
expect 0 "done" "$gkvae" train --resume --out logistic-mixture-1 --epochs 3

# Images of other channels, and binary pixels in colour.
expect 3 "the images are in colour, but the model was trained on grey ones: set data.channels = 1" sh -c \
    "'$gkvae' train colour.ini --out grey --set data.channels=1 --epochs 1 && '$gkvae' eval grey --set data.channels=3"
expect 3 "the images are grey, but the model was trained on images in colour: set data.channels = 3" \
    "$gkvae" eval logistic-mixture-1 --set data.channels=1
expect 0 "done" "$gkvae" train colour.ini --out binary --epochs 1 --set model.likelihood=bernoulli --set data.binarization=static
expect 0 "nats per image, at most" "$gkvae" eval binary
[ "$(value binary pixels)" = '"binary"' ] || fail "pixels are $(value binary pixels)"

# From a folder of PNG files of every kind to a page.
expect 0 "done" "$gkvae" train colour.ini --out every --set data.train_images="$png" --set data.test_images="$png" \
    --set data.validation=4 --set train.batch=5 --set model.base=normal --set eval.images=all
expect 0 "bits per dimension, at most" "$gkvae" eval every
[ "$(value every values)" = 90 ] || fail "$(value every values) values of 5 × 6 pixels"
[ -s every/index.html ] || fail "no page"
finish
