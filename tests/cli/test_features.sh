# Features of images as NumPy arrays. tests/numpy checks the numbers.
. "$2/tests/cli/lib.sh"
small=$source/tests/fixtures/mnist-small
images=$small/t10k-images-idx3-ubyte.gz
sum() { sha256sum "$source/features/$1.safetensors" | cut -d ' ' -f 1; }

expect 0 "500 rows of 84 features: features.npy (network mnist, SHA-256 $(sum mnist))" "$gkvae" features "$images"
holds features.npy 500 84
expect 0 "500 rows of 10 probabilities: p.npy" "$gkvae" features "$images" --out again.npy --probabilities p.npy --threads 1
holds p.npy 500 10
cmp features.npy again.npy || fail "features are others on one thread"
expect 0 "500 rows" "$gkvae" features "$images" --out again.npy --threads 3
cmp features.npy again.npy || fail "features are others on three threads"
expect 0 "30 rows" "$gkvae" features "$images" --out again.npy -n 30
holds again.npy 30 84
[ "$(tail -c +129 again.npy | cksum)" = "$(tail -c +129 features.npy | head -c $((4 * 30 * 84)) | cksum)" ] ||
    fail "the first 30 rows alone are others"
gzip -dc "$images" > raw.idx
expect 0 "500 rows" "$gkvae" features raw.idx --out again.npy
cmp features.npy again.npy || fail "raw images have other features"

# The most probable class is nearly always the label.
tail -c +129 p.npy | od -An -v -tf4 -w40 |
    awk '{ best = 1; for (i = 2; i <= NF; i++) if ($i > $best) best = i; print best - 1 }' > classes
gzip -dc "$small/t10k-labels-idx1-ubyte.gz" | tail -c +9 | od -An -v -tu1 -w1 | awk '{ print $1 }' > labels
right=$(paste classes labels | awk '$1 == $2 { n++ } END { print n + 0 }')
[ "$right" -ge 490 ] || fail "only $right of 500 digits are recognised"

# With portable kernels the program uses OpenBLAS, which has its own threads.
for threads in 1 2 3; do
    expect 0 "500 rows" env GKVAE_SIMD=portable "$gkvae" features "$images" --out portable-$threads.npy --threads $threads
    cmp portable-1.npy portable-$threads.npy || fail "portable features are others on $threads threads"
done

# Another network, built in or from a file.
expect 0 "network fashion-mnist, SHA-256 $(sum fashion-mnist)" \
    "$gkvae" features "$images" --dataset fashion-mnist --out fashion.npy
cmp -s features.npy fashion.npy && fail "two networks have the same features"
cp "$source/features/fashion-mnist.safetensors" own.safetensors
expect 0 "network fashion-mnist, SHA-256 $(sum fashion-mnist)" \
    "$gkvae" features "$images" --network own.safetensors --out again.npy
cmp again.npy fashion.npy || fail "the network of a file is not the same one within the program"

# Arrays: the message names the file and the row of an invalid image, also after the first thousand rows.
array() { # FILE ROWS VALUES…: float64, [ROWS, 784], zeros but for values at the end
    local file=$1 rows=$2 header
    shift 2
    header="{'descr': '<f8', 'fortran_order': False, 'shape': ($rows, 784), }"
    printf '\223NUMPY\1\0\166\0%-117s\n' "$header" > "$file"
    head -c $((8 * (784 * rows - 1))) /dev/zero >> "$file"
    printf "$1" >> "$file" # eight bytes, little-endian
}
array levels.npy 1007 '\0\0\0\0\0\0\125\100'
expect 3 "levels.npy: row 1007, column 784 is 84, but pixels are from 0 to 1; divide levels up to 255 by 255" \
    "$gkvae" features levels.npy --out again.npy
array below.npy 2 '\0\0\0\0\0\0\360\277'
expect 3 "below.npy: row 2, column 784 is -1, but pixels are from 0 to 1" "$gkvae" features below.npy --out again.npy
array nan.npy 2 '\0\0\0\0\0\0\370\177'
expect 3 "nan.npy: row 2 of column 784 is NaN" "$gkvae" features nan.npy --out again.npy
array good.npy 2 '\0\0\0\0\0\0\360\77'
expect 0 "2 rows" "$gkvae" features good.npy --out again.npy

# A command that fails keeps existing files.
cp features.npy before.npy
printf '\0\0\10\3\0\0\0\1\0\0\0\20\0\0\0\21' > other.idx
head -c 272 /dev/zero >> other.idx
expect 3 "other.idx: the images are 16 × 17, but the network mnist takes 28 × 28; name one for these with --network" \
    "$gkvae" features other.idx
expect 3 "there are 500 images" "$gkvae" features "$images" --count 501
expect 4 "gkvae features train" "$gkvae" features "$images" --dataset letters
expect 5 "nowhere.idx" "$gkvae" features nowhere.idx
expect 5 "nowhere.safetensors" "$gkvae" features "$images" --network nowhere.safetensors
expect 5 "missing/f.npy" "$gkvae" features "$images" --out missing/f.npy
head -c 100000 own.safetensors > cut.safetensors
expect 3 "cut.safetensors" "$gkvae" features "$images" --network cut.safetensors
expect 3 "raw.idx" "$gkvae" features "$images" --network raw.idx
expect 2 "of which images" "$gkvae" features
expect 2 "one file of images only" "$gkvae" features "$images" raw.idx
expect 2 "choose one" "$gkvae" features "$images" --network own.safetensors --dataset mnist
expect 2 "--threads 0" "$gkvae" features "$images" --threads 0
expect 2 "the name is empty" "$gkvae" features "$images" --out ""
cp raw.idx images.npy # the content says what a file is
expect 2 "needs itself" "$gkvae" features images.npy --out images.npy
expect 2 "needs itself" "$gkvae" features images.npy --probabilities images.npy
expect 2 "ends in .npy" "$gkvae" features raw.idx --network own.safetensors --out own.safetensors
expect 2 "needs itself" "$gkvae" features raw.idx --probabilities features.npy
cmp features.npy before.npy || fail "a refused call changed features.npy"
# Training: the same bytes on any number of threads, better than chance by far, and read like any network.
train() { "$gkvae" features train mnist-small --data-folder "$source/tests/fixtures" "$@"; }
for threads in 1 2 3; do
    expect 0 "of 500 test images right" train --out trained-$threads.safetensors --threads $threads --epochs 5 --quiet
    cmp trained-1.safetensors trained-$threads.safetensors || fail "another network on $threads threads"
done
reached=$(sed -n 's/.*: \([0-9.]*\) % of 500.*/\1/p' output)
is_true "$reached > 88" || fail "only $reached % of the test images right: $(cat output)"
grep -qa "\"test_accuracy\":\"0\.$(printf %.0f "$(echo "$reached" | tr -d .)")" trained-1.safetensors ||
    fail "the file does not state the accuracy $reached %"
expect 0 "network mnist-small, SHA-256 $(sha256sum trained-1.safetensors | cut -d ' ' -f 1)" \
    "$gkvae" features "$images" --network trained-1.safetensors --out trained.npy --probabilities p.npy
tail -c +129 p.npy | od -An -v -tf4 -w40 |
    awk '{ best = 1; for (i = 2; i <= NF; i++) if ($i > $best) best = i; print best - 1 }' > classes
right=$(paste classes labels | awk '$1 == $2 { n++ } END { print n + 0 }')
is_true "($right * 0.2 - $reached) ^ 2 < 1e-12" || fail "$right of 500 digits by the file, but $reached % in training"
expect 0 "epoch 1 of 1: loss" train --out other.safetensors --epochs 1 --seed 2
expect 0 "right" train --out resized.safetensors --epochs 1 --set data.resize=12x16
expect 3 "images of 11 × 16 pixels" train --out no.safetensors --set data.resize=11x16
expect 3 "in colour" train --out no.safetensors --set data.channels=3
expect 5 "missing/n.safetensors" train --out missing/n.safetensors --epochs 1
expect 2 "is needed" train
expect 2 "data set" "$gkvae" features train --out no.safetensors
head -c 8 /dev/zero > old.safetensors
cp old.safetensors kept.safetensors
"$gkvae" features train mnist-small --data-folder "$source/tests/fixtures" --out old.safetensors --epochs 1000 \
    > lines 2>&1 &
process=$!
wait_for lines "epoch 1 of" || fail "no epoch within 20 s"
kill -s INT $process
wait $process
[ $? = 130 ] || fail "an interrupted training does not exit with 130"
cmp old.safetensors kept.safetensors || fail "an interrupted training has changed the file"
finish
