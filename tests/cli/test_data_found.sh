# Data that are not where they are looked for, and images that are too large: what the message names.
. "$2/tests/cli/lib.sh"
fixture=$source/tests/fixtures/mnist-small
mkdir -p data/own elsewhere flat/own
for file in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do
    gzip -dc "$fixture/$file-ubyte.gz" > "data/own/${file%-idx*}.${file##*-}-ubyte"
done

# As an unpacker names them, and in the folder above.
expect 5 "but there is data/own/train-images.idx3-ubyte" "$gkvae" train small.ini --out run --data-folder data \
    --set data.dataset=own
grep -q "set data.train_images to its path" output || fail "no remedy: $(cat output)"
cp "$fixture/train-images-idx3-ubyte.gz" flat
expect 5 "but there is flat/train-images-idx3-ubyte.gz" "$gkvae" data info --folder flat --dataset own
[ -e run/config.ini ] && fail "a run was begun"
for file in data/own/*; do
    mv "$file" "${file/.idx/-idx}"
done

# A relative folder, from another one, and a ~ that the shell leaves.
expect 0 "done" "$gkvae" train small.ini --out run --data-folder data --set data.dataset=own --epochs 1
cd elsewhere || exit 1
for how in "eval ../run" "encode ../run" "base fit ../run --base gk" "train --resume --out ../run"; do
    expect 5 "relative to the current folder, $(realpath .)" "$gkvae" $how
    grep -q -e "--data-folder" output || fail "$how: no remedy: $(cat output)"
done
expect 0 "held-out" "$gkvae" base fit ../run --base gk --data-folder ../data
cd ..
expect 5 'as in $HOME/data' "$gkvae" data info --folder '~/data'
expect 5 'as in $HOME/data' "$gkvae" eval run --data-folder '~/data'
expect 5 "nowhere.idx: cannot be opened: No such file or directory (relative to" "$gkvae" data info nowhere.idx

# Images with more pixels than a model takes.
mkdir -p data/large
{ printf '\0\0\010\003\0\0\0\012\0\0\001\001\0\0\001\0'; head -c 657920 /dev/zero | tr '\0' '\1'; } > data/large/train-images-idx3-ubyte
cp data/large/train-images-idx3-ubyte data/large/t10k-images-idx3-ubyte
expect 3 "data/large/train-images-idx3-ubyte: the images have 257 × 256 pixels" "$gkvae" train small.ini --out new \
    --data-folder data --set data.dataset=large --set data.validation=2
expect 0 "a model takes at most 65536" "$gkvae" data info --folder data --dataset large
expect 0 "a model takes at most 65536" "$gkvae" data info data/large/train-images-idx3-ubyte
finish
