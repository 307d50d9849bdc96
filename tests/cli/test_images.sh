# Images from folders of PNG files, arrays and tables of labels; import; from a folder to a page.
. "$2/tests/cli/lib.sh"
fixture=$source/tests/fixtures/mnist-small
png=$source/tests/fixtures/png

# Real digits as PNG files: sub-folders are the labels, and a table has them too.
cat > make.py << 'END'
import gzip, os, struct, zlib, sys
import numpy as np

def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

def png(path, pixels):
    height, width = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
                   chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))

for part, half, count in ("train", "train", 400), ("test", "t10k", 100):
    x = np.frombuffer(gzip.open(f"{sys.argv[1]}/{half}-images-idx3-ubyte.gz").read()[16:], np.uint8).reshape(-1, 28, 28)
    y = np.frombuffer(gzip.open(f"{sys.argv[1]}/{half}-labels-idx1-ubyte.gz").read()[8:], np.uint8)
    x, y = x[:count], y[:count]
    os.mkdir(f"{part}-flat")
    with open(f"{part}.csv", "w") as table:
        table.write("file,label\n")
        for i in range(count):
            os.makedirs(f"{part}/{y[i]}", exist_ok=True)
            png(f"{part}/{y[i]}/{i:03d}.png", x[i])
            png(f"{part}-flat/{i:03d}.png", x[i])
            table.write(f"{i:03d},{y[i]}\n")
    np.save(f"{part}.npy", x)
    np.save(f"{part}-labels.npy", y.astype(np.int64))
    np.savez_compressed(f"{part}.npz", x=x, y=y)
    np.save(f"{part}-floats.npy", np.asfortranarray(x / np.float32(255)))
    np.save(f"{part}-truth.npy", x > 127)
END
python=$(python_with numpy) && "$python" make.py "$fixture" || exit 77

# The same pixels and labels from every kind of file have the same SHA-256 after an import.
sums() { # sums IMAGES [LABELS]: of the IDX files of an import
    rm -rf imported
    expect 0 "training and" "$gkvae" data import "$1" ${2:+--labels "$2"} --out imported
    sha256sum imported/train-images-idx3-ubyte imported/train-labels-idx1-ubyte 2>&1 | cut -c 1-64
}
sums train-flat train.csv > wanted
grep -q '^[0-9a-f]*$' wanted || fail "no files: $(cat wanted)"
for kind in "train.npy train-labels.npy" "train.npz:x train.npz:y" "train-floats.npy train-labels.npy"; do
    # shellcheck disable=SC2086
    sums $kind > found
    cmp -s wanted found || fail "$kind: other images or labels: $(cat output)"
done
"$gkvae" data info train-flat train.csv > info
head -1 wanted | grep -qf - info || fail "a folder has another SHA-256 than its import: $(cat info)"
expect 0 "images of each label: 0: 41, 1: " "$gkvae" data info train
expect 0 "100 images of 28 × 28 pixels; mean grey" "$gkvae" data info test-truth.npy
expect 2 "train.npz has 2 arrays: choose one as in FILE.npz:NAME: x, y" "$gkvae" data info train.npz
expect 2 "train.npz:z: train.npz has no such array, but x, y" "$gkvae" data info train.npz:z

# From a folder to a page.
"$gkvae" train --out run --data-folder . --set data.dataset=digits --set data.train_images=train \
    --set data.test_images=test --set data.validation=50 --set train.epochs=1 --set train.batch=50 \
    --set model.latent=4 --set model.hidden=16 --set model.layers=1 --set model.prior_layers=0 \
    --set model.base=gk --set train.threads=1 --set eval.samples=3 --set eval.generation=none > output 2>&1 ||
    fail "no training from a folder: $(cat output)"
expect 0 "" "$gkvae" eval run
[ -s run/index.html ] || fail "no page"
grep -q '"images": 100' run/metrics.json || grep -q "100" run/metrics.json || fail "not the images of the folder"
# An import is the same data set, and another folder is not.
expect 0 "" "$gkvae" data import train --out data/again
expect 0 "" "$gkvae" eval run --of train --set data.train_images=data/again/train-images-idx3-ubyte \
    --set data.train_labels=data/again/train-labels-idx1-ubyte --set eval.images=20
expect 3 "this is not the file that the model was trained with" "$gkvae" eval run --of train \
    --set data.train_images=train-flat --set data.train_labels=train.csv

# Bad files are named, counted, and refused or left out.
mkdir bad
cp train-flat/00?.png bad
head -c 100 train-flat/010.png > bad/cut.png
printf '\211PNG\r\n\032\n\0\0\0\rIHDR\0\0\377\377\0\0\377\377\010\006\0\0\0....' > bad/bomb.png
cp "$png/grey-8.png" bad/size.png
expect 3 "3 of the 13 PNG files cannot be used (data.skip_bad = yes leaves them out): bomb.png: the header states 65535 × 65535" \
    "$gkvae" data import bad --out out
[ -e out ] && fail "a refused folder was imported"
expect 0 "left out    3 bad files" "$gkvae" data import bad --out out --skip-bad
grep -q "    cut.png: it is damaged" output || fail "cut.png is not named: $(cat output)"
expect 0 "11 images of 14 × 20 pixels" "$gkvae" data info bad --set data.skip_bad=yes --set data.resize=14x20
expect 0 "19 images of 5 × 6 pixels, in colour" "$gkvae" data import "$png" --out data/colour
expect 0 "19 images of 5 × 6 pixels in colour" "$gkvae" data info data/colour/train-images-idx4-ubyte
expect 5 "the file exists" "$gkvae" data import "$png" --out data/colour --channels 1
expect 0 "17 training and 2 test images" "$gkvae" data import "$png" --out data/colour --channels 1 --test 0.1 --overwrite
[ -e data/colour/train-images-idx4-ubyte ] && fail "the old data set is still there"
grep -c "^test,\"[a-z0-9-]*.png\",$" data/colour/files.csv | grep -qx 2 || fail "files.csv: $(cat data/colour/files.csv)"
expect 2 "leaves the training part without images" "$gkvae" data import "$png" --out all --test 1
expect 4 "must be empty, or HEIGHTxWIDTH" "$gkvae" data import "$png" --out all --resize 32
expect 3 "no PNG file in the folder" "$gkvae" data info "$source/man"
finish
