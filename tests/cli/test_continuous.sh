# Models of continuous images, arrays of floats: densities in the units of the data, the same bytes on any number of
# threads, draws in these units, and no words or figures of levels.
. "$2/tests/cli/lib.sh"
fixture=$source/tests/fixtures/mnist-small

# Digits with multiplicative noise, in units of their own.
cat > make.py << 'END'
import gzip, sys
import numpy as np

random = np.random.default_rng(1)
for part, half, count in ("train", "train", 600), ("test", "t10k", 60):
    x = np.frombuffer(gzip.open(f"{sys.argv[1]}/{half}-images-idx3-ubyte.gz").read()[16:], np.uint8).reshape(-1, 28, 28)
    x = (0.2 + x[:count, ::2, ::2] / 255) * random.gamma(4, 0.25, (count, 14, 14))
    np.save(f"{part}.npy", (30 * x - 10).astype(np.float32))
    np.save(f"{part}-again.npy", x.astype(np.float64))
    np.save(f"{part}-colour.npy", np.stack([x, x ** 2, 1 - x], axis=-1).astype(np.float32))
np.save("whole.npy", np.arange(2 * 3 * 3).reshape(2, 3, 3))
np.save("nan.npy", np.full((2, 3, 3), np.nan))
np.save("equal.npy", np.full((2, 3, 3), 1.5))
END
python=$(python_with numpy) && "$python" make.py "$fixture" || exit 77
cat > numbers.ini << 'END'
[data]
train_images = train.npy
test_images = test.npy
binarization = continuous
validation = 50
[model]
latent = 4
hidden = 32
layers = 1
base = gk
likelihood = normal-density
[train]
epochs = 4
batch = 50
[eval]
samples = 5
END
value() { json_number "$1/metrics.json" "$2"; }

for likelihood in normal-density gk-density; do
    run=$likelihood
    for threads in 1 2; do
        expect 0 "done" "$gkvae" train numbers.ini --out "$run-$threads" --threads $threads --set model.likelihood=$likelihood
    done
    cmp "$run-1/model.safetensors" "$run-2/model.safetensors" || fail "$likelihood: another model on 2 threads"
    expect 0 "nats per image, of a density, at most" "$gkvae" eval "$run-1" --refine lm:2
    grep -qi "bits per\|binar\|grey\|pixel probabil" output && fail "words of other pixels: $(cat output)"
    [ "$(value "$run-1" pixels)" = '"continuous"' ] || fail "pixels are $(value "$run-1" pixels)"
    [ "$(value "$run-1" nll_bits)" = null ] || fail "bits of a density: $(value "$run-1" nll_bits)"
    is_true "$(value "$run-1" refined_neg_elbo) <= $(value "$run-1" neg_elbo)" || fail "$likelihood: refinement loses"
    is_true "$(value "$run-1" mse) > 0" || fail "no mean squared error"
    sed 's/<[^>]*>//g' "$run-1/index.html" > page.txt
    grep -q "density" page.txt || fail "the page does not name the density"
    sed '/^\[data\]/,$d' page.txt | grep -qi "bits per\|binar" && fail "the page names other pixels"
    for form in means medians draws; do
        expect 0 "40 images" "$gkvae" sample "$run-1" -n 40 --form $form --npy $form.npy --idx $form.idx --threads 1
        expect 0 "40 images" "$gkvae" sample "$run-1" -n 40 --form $form --npy two.npy --threads 2
        cmp $form.npy two.npy || fail "$likelihood: --form $form has other numbers on 2 threads"
    done
    # draws are in the units of the data: mean and standard deviation of the test images , roughly: few epochs
    expect 0 "" "$python" -c '
import numpy as np, sys
a, b = np.load("draws.npy"), np.load("test.npy")
print(a.mean(), b.mean(), a.std(), b.std())
sys.exit(not (abs(a.mean() - b.mean()) < 4 and 0.6 < a.std() / b.std() < 2 and a.shape == (40, 196)))'
    expect 0 "" "$gkvae" reconstruct "$run-1" --out picture.png
    is_png picture.png || fail "no picture of reconstructions"
done
is_true "$(value gk-density-1 nll) < $(value normal-density-1 nll)" || fail "skewed noise is not better as g-and-k"

# The same images in other units: the density has the other units, the model is the same.
expect 0 "done" "$gkvae" train numbers.ini --out other --set data.train_images=train-again.npy --set data.test_images=test-again.npy
expect 0 "" "$gkvae" eval other
is_true "($(value normal-density-1 neg_elbo) - $(value other neg_elbo) - 196 * log(30))^2 < 1" ||
    fail "$(value normal-density-1 neg_elbo) nats, and $(value other neg_elbo) in other units"
grep -q "^range = -10\|^range = -9" normal-density-1/config.ini || fail "no range in the run's configuration"

# Three channels; resumed; a checkpoint changes nothing.
expect 0 "done" "$gkvae" train numbers.ini --out colour --set data.train_images=train-colour.npy --set data.test_images=test-colour.npy
expect 0 "of a density" "$gkvae" eval colour
expect 0 "done" "$gkvae" train --resume --out normal-density-1 --epochs 5

# What is not an array of floats, and settings that do not fit.
expect 3 "takes an array of floats" "$gkvae" train numbers.ini --out no --set data.train_images=whole.npy
expect 3 "has the number nan" "$gkvae" train numbers.ini --out no --set data.train_images=nan.npy
expect 3 "there is nothing to model" "$gkvae" train numbers.ini --out no --set data.train_images=equal.npy
expect 3 "takes a .npy or .npz array of floats" "$gkvae" train numbers.ini --out no \
    --set data.train_images="$fixture/train-images-idx3-ubyte.gz"
expect 3 "takes a .npy or .npz array of floats" "$gkvae" train numbers.ini --out no --set data.train_images="$source/tests/fixtures/png"
expect 4 "changes levels" "$gkvae" train numbers.ini --out no --set data.resize=7x7
expect 4 "deforms grey levels" "$gkvae" train numbers.ini --out no --set train.augmentation=0.5
expect 4 "densities" "$gkvae" train numbers.ini --out no --set model.likelihood=bernoulli
expect 4 "densities" "$gkvae" train numbers.ini --out no --set data.binarization=grey
expect 4 "LOW < HIGH" "$gkvae" train numbers.ini --out no --set data.range=3,2
expect 4 "trained with data.binarization = continuous" "$gkvae" eval normal-density-1 --set data.binarization=grey
finish
