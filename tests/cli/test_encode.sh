# Latent codes as NumPy arrays. tests/numpy checks the numbers.
. "$2/tests/cli/lib.sh"

expect 0 "done" "$gkvae" train small.ini --out run --epochs 1
expect 0 "500 codes of 6 numbers: codes.npy" "$gkvae" encode run
holds codes.npy 500 6
[ "$(head -c 8 codes.npy | od -An -tx1 | tr -d ' \n')" = 934e554d50590100 ] || fail "codes.npy is no .npy of format 1.0"
expect 0 "2000 codes of 6 numbers: train.npy" "$gkvae" encode run --split train --out train.npy
holds train.npy 2000 6

# The result is the same on any number of threads, from a model file alone, and for the first rows alone.
for what in z eps mean; do
    expect 0 "codes" "$gkvae" encode run --what $what --threads 1 --out $what.npy
    expect 0 "codes" "$gkvae" encode run --what $what --threads 3 --out again.npy
    cmp $what.npy again.npy || fail "--what $what is another on three threads"
    expect 0 "100 codes" "$gkvae" encode run/model.safetensors --data-folder "$source/tests/fixtures" --what $what -n 100 \
        --out few.npy
    holds few.npy 100 6
    [ "$(tail -c +129 few.npy | cksum)" = "$(tail -c +129 $what.npy | head -c $((4 * 100 * 6)) | cksum)" ] ||
        fail "--what $what: the first 100 rows alone are others"
done
cmp codes.npy z.npy || fail "the default is not z"
cmp -s z.npy eps.npy && fail "z and ε are one"
cmp -s z.npy mean.npy && fail "draws are means"
expect 0 "codes" "$gkvae" encode run --seed 1 --out seed.npy
cmp seed.npy z.npy || fail "--seed 1 is not train.seed"
expect 0 "codes" "$gkvae" encode run --seed 2 --out seed.npy
cmp -s seed.npy z.npy && fail "another seed draws the same"
expect 0 "codes" "$gkvae" encode run --seed 2 --what mean --out seed.npy
cmp seed.npy mean.npy || fail "means depend on the seed"
# The images of an IDX file are treated like test images.
gzip -dc "$source/tests/fixtures/mnist-small/t10k-images-idx3-ubyte.gz" > images.idx
expect 0 "codes" "$gkvae" encode run --idx images.idx --out idx.npy
cmp idx.npy z.npy || fail "--idx: the test images have other codes in a file of one's own"

# Draws from the prior need no images and no folder of images.
expect 0 "10000 codes of 6 numbers: prior.npy" "$gkvae" encode run/model.safetensors --data-folder nowhere --what prior --out prior.npy
holds prior.npy 10000 6
for what in prior prior-eps; do
    expect 0 "codes" "$gkvae" encode run --what $what --count 300 --threads 1 --out $what.few.npy
    holds $what.few.npy 300 6
    for threads in 2 3; do
        expect 0 "codes" "$gkvae" encode run --what $what --count 300 --threads $threads --out again.npy
        cmp $what.few.npy again.npy || fail "--what $what is another on $threads threads"
    done
    expect 0 "codes" "$gkvae" encode run --what $what --count 300 --seed 1 --out again.npy
    cmp $what.few.npy again.npy || fail "--what $what: the default seed is not 1"
    expect 0 "codes" "$gkvae" encode run --what $what --count 300 --seed 2 --out again.npy
    cmp -s $what.few.npy again.npy && fail "--what $what: another seed draws the same"
done
[ "$(tail -c +129 prior.few.npy | cksum)" = "$(tail -c +129 prior.npy | head -c $((4 * 300 * 6)) | cksum)" ] ||
    fail "--what prior: the first 300 alone are others"
cmp -s prior.few.npy prior-eps.few.npy && fail "z and ε of the prior are one"

# A command that fails keeps existing files.
cp codes.npy before.npy
expect 3 "there are 500 images" "$gkvae" encode run -n 501
expect 5 "nowhere" "$gkvae" encode run --data-folder nowhere
expect 5 "nowhere.idx" "$gkvae" encode run --idx nowhere.idx
expect 3 "small.ini" "$gkvae" encode run --idx small.ini
expect 5 "no-run" "$gkvae" encode no-run
expect 4 "remove this setting" "$gkvae" encode run --set model.hidden=33
expect 5 "missing/codes.npy" "$gkvae" encode run --out missing/codes.npy
cmp codes.npy before.npy || fail "a refused call changed codes.npy"
"$gkvae" sample run -n 5 --idx drawn.idx > output
expect 0 "5 codes" "$gkvae" encode run --idx drawn.idx
expect 0 "" "$gkvae" fit idx.npy
finish
