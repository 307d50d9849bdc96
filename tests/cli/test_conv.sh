# Convolutional networks from training to samples: the same bytes on any number of threads and after a resume, refined
# figures, every kind of pixel, images of any size in grey and in colour, and runs from before there were such networks.
. "$2/tests/cli/lib.sh"
configuration 'net = conv
half_channels = 5
quarter_channels = 9
base = gk-mixture
base_components = 3' 'refit_every = 0.5
refit_steps = 7' | sed 's/^validation = 200/&\nresize = 14x14/' > conv.ini
value() { json_number "$1/metrics.json" "$2"; }

for threads in 1 2 3; do
    expect 0 "done" "$gkvae" train conv.ini --out "run-$threads" --threads $threads
    for file in checkpoint.safetensors model.safetensors; do
        cmp "run-1/$file" "run-$threads/$file" || fail "$file is another on $threads threads"
    done
done
is_true "$(tail -n 1 run-1/history.csv | cut -d, -f2) < 400" || fail "nothing learned: $(cat run-1/history.csv)"

# A run that is stopped and continued.
expect 0 "done" "$gkvae" train conv.ini --out whole --epochs 6 --threads 2
"$gkvae" train conv.ini --out stopped --epochs 6 > lines 2>&1 &
process=$!
wait_for lines "epoch 2/6" || fail "no second epoch within 20 s"
kill -s INT $process
wait $process
cmp -s whole/checkpoint.safetensors stopped/checkpoint.safetensors && fail "the signal came after the end"
expect 0 "done" "$gkvae" train --resume --out stopped
for file in checkpoint.safetensors model.safetensors; do
    cmp "whole/$file" "stopped/$file" || fail "$file is not what an unstopped run leaves"
done

# Figures, refined and not, and draws.
for threads in 1 2; do
    cp -r run-1 "eval-$threads"
    expect 0 "refined, lm:2" "$gkvae" eval "eval-$threads" --samples 20 --images 60 --refine lm:2 --threads $threads
done
for key in neg_elbo nll refined_neg_elbo refined_nll refined_ess; do
    [ "$(value eval-1 $key)" = "$(value eval-2 $key)" ] || fail "$key is another on two threads"
done
is_true "$(value eval-1 refined_neg_elbo) < $(value eval-1 neg_elbo) - 0.5" ||
    fail "−ELBO: $(value eval-1 neg_elbo), refined $(value eval-1 refined_neg_elbo)"
is_true "$(value eval-1 refined_nll) <= $(value eval-1 refined_neg_elbo)" || fail "refined −log p(x) is above −ELBO"
for threads in 1 2; do
    expect 0 "20 images" "$gkvae" sample run-1 -n 20 --npy "draws-$threads.npy" --threads $threads
done
cmp draws-1.npy draws-2.npy || fail "other draws on two threads"

# few: a data set of 320 images, of which 300 are trained on.
{ printf '\0\0\010\003\0\0\001\100\0\0\0\034\0\0\0\034'
  gzip -dc "$source/tests/fixtures/mnist-small/train-images-idx3-ubyte.gz" | tail -c +17 | head -c $((320 * 784)); } > few.idx
few=(--set data.train_images=few.idx --set data.validation=20)

# Other kinds of training step, and without blocks.
expect 0 "done" "$gkvae" train conv.ini --out iwae --epochs 1 --set train.objective=iwae --set train.samples=3 \
    --set train.resampling=importance --set model.conv_blocks=0
expect 0 "done" "$gkvae" train conv.ini --out tuned "${few[@]}" --set train.fine_tune_epochs=1 --set model.conv_blocks=2 \
    --set model.conv_block=depthwise --set model.downsampling=stride

# Grey levels: several numbers for each pixel. Sides that are not multiples of 4, and three channels.
expect 0 "done" "$gkvae" train conv.ini --out grey --epochs 1 --set data.binarization=grey \
    --set model.likelihood=logistic-mixture --set data.resize=13x18
expect 0 "bits per dimension" "$gkvae" eval grey --samples 5 --images 20 --refine lm:1
is_true "$(value grey refined_neg_elbo) <= $(value grey neg_elbo)" || fail "refinement loses in grey"
expect 0 "done" "$gkvae" train conv.ini --out colour --epochs 1 --set data.binarization=grey --set data.channels=3 \
    --set model.likelihood=logistic-mixture --set data.resize=7x9
expect 0 "bits per dimension" "$gkvae" eval colour --samples 5 --images 20 --refine lm:1
is_true "$(value colour refined_neg_elbo) <= $(value colour neg_elbo)" || fail "refinement loses in colour"

# The first steps on large images stay near the prior: the KL term is not 10⁸ nats.
expect 0 "done" "$gkvae" train conv.ini --out large --epochs 1 --set data.binarization=grey --set data.channels=3 \
    --set data.resize=64x64 --set model.likelihood=logistic-mixture --set model.half_channels=4 \
    --set model.quarter_channels=48 "${few[@]}" --set train.batch=15 --set model.base=normal \
    --set model.base_fit=fixed --set train.learning_rate=0.003
is_true "$(tail -n 1 large/history.csv | cut -d, -f5) < 40" ||
    fail "the KL term of 64×64 colour images: $(tail -n 1 large/history.csv)"

# Settings out of range.
# LayerNorm over so few channels would leave nothing of the image.
expect 4 "model.half_channels = 3" "$gkvae" train conv.ini --out none --set model.half_channels=3
expect 4 "model.net = cnn" "$gkvae" train conv.ini --out none --set model.net=cnn

# A run of perceptrons whose file of settings has no networks is one of perceptrons.
expect 0 "done" "$gkvae" train small.ini --out mlp --epochs 1
grep -vE "^(net|half_channels|quarter_channels|conv_blocks|conv_block|downsampling) " mlp/config.ini > fewer && mv fewer mlp/config.ini
expect 0 "done" "$gkvae" train --resume --out mlp --epochs 2
expect 0 "nats" "$gkvae" eval mlp --images 20
finish
