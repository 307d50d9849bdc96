# The data a run belongs to: other images and labels are refused as its own, and an evaluation states what it measured.
. "$2/tests/cli/lib.sh"
fixture=$source/tests/fixtures/mnist-small
mkdir -p data/mnist-small
for file in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do
    gzip -dc "$fixture/$file-ubyte.gz" > "data/mnist-small/$file-ubyte"
done
train=data/mnist-small/train-images-idx3-ubyte labels=data/mnist-small/train-labels-idx1-ubyte
sum=$(sha256sum < "$train" | cut -d' ' -f1)
test_sum=$(sha256sum < data/mnist-small/t10k-images-idx3-ubyte | cut -d' ' -f1)
own="--set data.folder=data"

expect 0 "done" "$gkvae" train small.ini --out run $own
for file in config.ini model.safetensors checkpoint.safetensors; do
    grep -aq "$sum" run/$file || fail "$file does not have the SHA-256 of the training images"
done

# The same images in another order have the same mean.
{ head -c 16 $train; tail -c 784 $train; tail -c +17 $train | head -c $((1999 * 784)); } > reordered
{ head -c 8 $labels; tail -c 1 $labels; tail -c +9 $labels | head -c 1999; } > relabelled
other="--set data.train_images=reordered"
for how in "train --resume --out run" "eval run --of validation --samples 1" "eval run --of train --samples 1" \
    "base fit run --base gk" "encode run --split train"; do
    expect 3 "not the file that the model was trained with" "$gkvae" $how $own $other
    grep -q "reordered" output || fail "$how does not name the file: $(cat output)"
    expect 3 "relabelled: this is not the file" "$gkvae" $how $own --set data.train_labels=relabelled
done
expect 4 "train_images_sha256" "$gkvae" train --resume --out run $own $other --set data.train_images_sha256=
expect 3 "not the file" "$gkvae" base fit run/model.safetensors --base gk $own --set data.dataset=mnist-small $other
# The same content, compressed and elsewhere, is the same.
gzip -c $train > images.gz
expect 0 "held-out images" "$gkvae" eval run --of validation --samples 1 $own --set data.train_images=images.gz
[ "$(json_number run/metrics-validation.json images_sha256)" = "\"$sum\"" ] || fail "the SHA-256 of a compressed file"
expect 4 "64 hexadecimal digits" "$gkvae" train small.ini --out new --set data.train_images_sha256=abc

# The evaluation of other images says which.
expect 0 "the results page" "$gkvae" eval run --samples 1 --images 50 $own
[ "$(json_number run/metrics.json images_sha256)" = "\"$test_sum\"" ] || fail "metrics.json does not have the SHA-256"
[ "$(json_number run/metrics.json dataset)" = '"mnist-small"' ] || fail "the name of the data set"
cp -r run other
expect 0 "the results page" "$gkvae" eval other --samples 1 --images 50 $own --set data.test_images=reordered
for text in "\"reordered\"" "$(sha256sum < reordered | cut -d' ' -f1)"; do
    grep -qF "$text" other/metrics.json || fail "metrics.json does not have $text"
done
[ "$(json_number other/metrics.json labels_file)" = null ] || fail "labels of images without labels"
for text in "gkvae on reordered" "test_images = reordered" "samples = 1"; do
    grep -qF "$text" other/index.html || fail "the page does not have: $text"
done
expect 4 "data sets differ" "$gkvae" compare run other
mkdir -p same && cp reordered same/t10k
expect 0 "the results page" "$gkvae" eval other --samples 1 --images 50 $own --set data.test_images=same/t10k
cp -r run third
cp "$train" t10k
expect 0 "" "$gkvae" eval third --samples 1 --images 50 $own --set data.test_images=t10k
expect 4 "images differ" "$gkvae" compare other third
grep -q "measured on its training images" third/index.html || fail "the page calls training images unseen"
finish
