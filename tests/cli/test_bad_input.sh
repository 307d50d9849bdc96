# Errors of users: the message names the error and its place, the exit code is right, and no
# existing file is lost.
. "$2/tests/cli/lib.sh"
fixture=$source/tests/fixtures/mnist-small

# A copy of a data set, whose files are damaged one by one.
fresh_data() {
    rm -rf data
    mkdir -p data/own
    cp "$fixture"/*.gz data/own
}
train() { "$gkvae" train small.ini --out run --epochs 1 --set data.folder=data --set data.dataset=own "$@"; }
refused() { # refused CODE TEXT …: as expect, and no run is begun
    expect "$@"
    [ -e run/checkpoint.safetensors ] && fail "a run was begun in spite of: $2"
    rm -rf run
}

# --- data ---
fresh_data
expect 0 "done" train
rm -r run
rm data/own/train-images-idx3-ubyte.gz
refused 5 "data/own/train-images-idx3-ubyte" train
refused 5 "nowhere" "$gkvae" train small.ini --out run --set data.folder=nowhere
fresh_data
head -c 200000 "$fixture/train-images-idx3-ubyte.gz" > data/own/train-images-idx3-ubyte.gz
refused 3 "train-images-idx3-ubyte.gz" train
fresh_data
{ printf '\0\0\010\001'; gzip -dc "$fixture/train-images-idx3-ubyte.gz" | tail -c +5; } > data/own/train-images-idx3-ubyte
rm data/own/train-images-idx3-ubyte.gz
refused 3 "it is IDX labels, not IDX images" train
gzip -dc "$fixture/train-images-idx3-ubyte.gz" | head -c 1000000 > data/own/train-images-idx3-ubyte
refused 3 "train-images-idx3-ubyte" train
: > data/own/train-images-idx3-ubyte
refused 3 "train-images-idx3-ubyte" train
fresh_data
cp "$fixture/t10k-labels-idx1-ubyte.gz" data/own/train-labels-idx1-ubyte.gz
refused 3 "500" train
fresh_data
refused 4 "validation" train --set data.validation=2000
expect 3 "t10k-labels" "$gkvae" data info "$fixture/t10k-labels-idx1-ubyte.gz"
expect 3 "labels" "$gkvae" data info "$fixture/t10k-images-idx3-ubyte.gz" "$fixture/train-labels-idx1-ubyte.gz"
expect 0 "500 images" "$gkvae" data info "$fixture/t10k-images-idx3-ubyte.gz" "$fixture/t10k-labels-idx1-ubyte.gz"
expect 0 "training: 2000 images" "$gkvae" data info small.ini
expect 0 "test: 500 images" "$gkvae" data info --folder "$source/tests/fixtures" --dataset mnist-small
# The same files under the name of a known data set have a wrong SHA-256.
mv data/own data/mnist
expect 3 "DIFFERENT" "$gkvae" data info --folder data

# --- configuration ---
bad() { # bad CODE TEXT LINE…: a configuration of these lines
    local code=$1 text=$2
    shift 2
    printf '%s\n' "$@" > bad.ini
    refused "$code" "$text" "$gkvae" train bad.ini --out run
}
bad 4 'bad.ini:2: unknown key "model.laten"; the nearest is "model.latent"' "[model]" "laten = 3"
bad 4 "bad.ini:1" "[modle]" "latent = 3"
bad 4 "bad.ini:2: model.hidden = -3" "[model]" "hidden = -3"
bad 4 "bad.ini:2: train.batch = 0" "[train]" "batch = 0"
bad 4 "base_k" "[model]" "base_k = -0.6"
bad 4 "no density" "[model]" "base_k = -0.5"
bad 4 "bad.ini:2" "[train]" "learning_rate = nan"
bad 4 "bad.ini:2" "[model]" "base = normale"
refused 5 "missing.ini" "$gkvae" train missing.ini --out run
refused 4 "--threads: train.threads = 0" "$gkvae" train small.ini --out run --threads 0
refused 4 "--threads" "$gkvae" train small.ini --out run --threads -1
refused 4 "--epochs" "$gkvae" train small.ini --out run --epochs 0
refused 4 "model.hiden" "$gkvae" train small.ini --out run --set model.hiden=3
refused 4 "posterior_layers" "$gkvae" train small.ini --out run --set model.posterior_flow=planar
refused 2 "section.key=value" "$gkvae" train small.ini --out run --set model

# --- folders and disks ---
: > file
refused 5 "file" "$gkvae" train small.ini --out file/run
refused 5 "file" "$gkvae" train small.ini --out file
expect 0 "done" "$gkvae" train small.ini --out good
cp -r good kept
if [ "$(id -u)" -ne 0 ]; then
    mkdir closed
    chmod a-w closed
    refused 5 "closed" "$gkvae" train small.ini --out closed/run
fi
# Files are limited to 200 KiB, so the checkpoint does not fit. (GKV_NO_FILE_LIMITS skips this
# under the thread sanitizer, whose own memory is a file.)
if [ -z "${GKV_NO_FILE_LIMITS:-}" ]; then
(ulimit -f 200 && "$gkvae" train small.ini --out cramped --set model.hidden=200) > output 2>&1
code=$?
[ $code -eq 5 ] || fail "a checkpoint that does not fit: exit code $code, not 5: $(cat output)"
grep -q "cramped/.*safetensors" output || fail "a checkpoint that does not fit: $(cat output)"
ls cramped/*.gkvae-tmp-* > /dev/null 2>&1 && fail "a checkpoint that does not fit: a temporary file stays"
# The same in the middle of a run that has a checkpoint, which stays unchanged.
"$gkvae" train small.ini --out stopped --epochs 60 > lines 2> messages &
process=$!
wait_for lines "epoch  2/60"
kill -s INT $process
wait $process
cp stopped/checkpoint.safetensors before
(ulimit -f 40 && "$gkvae" train --resume --out stopped) > output 2>&1
code=$?
[ $code -eq 5 ] || fail "a resume on a full disk: exit code $code, not 5: $(cat output)"
grep -qF -e "--resume --out stopped" output ||
    fail "a resume on a full disk does not print the command to continue: $(cat output)"
cmp before stopped/checkpoint.safetensors || fail "a full disk harmed the checkpoint"
expect 0 "done" "$gkvae" train --resume --out stopped
(ulimit -f 10 && "$gkvae" eval good --images 50) > output 2>&1
code=$?
[ $code -eq 5 ] || fail "pictures that do not fit: exit code $code, not 5: $(cat output)"
(ulimit -f 1 && "$gkvae" sample good -n 50 --idx drawn.idx) > output 2>&1
code=$?
[ $code -eq 5 ] && [ ! -e drawn.idx ] || fail "an IDX file that does not fit: exit code $code: $(cat output)"
fi
expect 5 "nowhere" "$gkvae" sample good --out nowhere/samples.png
expect 5 "nowhere" "$gkvae" sample good --idx nowhere/samples.idx
if [ -w /dev/full ]; then
    "$gkvae" train small.ini --out full --epochs 5 > /dev/full 2> messages
    code=$?
    [ $code -eq 5 ] || fail "training with its output on a full disk: exit code $code, not 5"
    expect 0 "4 images" "$gkvae" sample full -n 4
fi

# A special file is not replaced by a regular one, and a link stays a link.
mkfifo pipe
ln -s pipe "link to the pipe"
: > linked.idx
ln -s linked.idx link.idx
for path in pipe "link to the pipe"; do
    expect 5 "not a regular file" "$gkvae" sample good -n 2 --idx "$path"
    expect 5 "$path" "$gkvae" sample good -n 2 --out "$path"
done
[ -p pipe ] && [ -L "link to the pipe" ] || fail "sample replaced a pipe"
expect 0 "2 images" "$gkvae" sample good -n 2 --idx link.idx
[ -L link.idx ] && [ -s linked.idx ] || fail "sample replaced a link"

# Files of the user in a folder without a run are not removed without --overwrite.
mkdir own
echo "my page" > own/index.html
echo "my picture" > own/samples.png
expect 4 "own/index.html" "$gkvae" train small.ini --out own --epochs 1
[ "$(cat own/index.html own/samples.png)" = "my page
my picture" ] && [ "$(ls own | wc -l)" -eq 2 ] || fail "a refused run changed a folder: $(ls own)"
expect 0 "done" "$gkvae" train small.ini --out own --epochs 1 --overwrite
[ -e own/samples.png ] && fail "--overwrite left an old picture"

# Settings that differ from the model's.
expect 4 "--set sets model.hidden = 999, but the model was trained with model.hidden = 32" \
    "$gkvae" eval good --set model.hidden=999
expect 4 "data.binarization" "$gkvae" eval good --set data.binarization=grey
expect 4 "train.seed" "$gkvae" reconstruct good --set train.seed=9 --out never.png
expect 4 "model.base" "$gkvae" interpolate good/model.safetensors --set model.base=normal --out never.png
cp -r good mixed
sed -i 's/^hidden = 32/hidden = 33/' mixed/config.ini
for command in eval sample reconstruct interpolate; do
    expect 4 "mixed/config.ini sets model.hidden = 33, but the model was trained with model.hidden = 32" \
        "$gkvae" $command mixed
done
ls mixed/*.png mixed/metrics.json > /dev/null 2>&1 && fail "a model with another's configuration was evaluated"

# Empty names, a folder without permissions, and images of one class only.
for command in sample reconstruct interpolate; do
    expect 2 "--out: the name is empty" "$gkvae" $command good --out ""
done
expect 2 "--idx: the name is empty" "$gkvae" sample good --idx ""
expect 2 "--out: the name is empty" "$gkvae" train small.ini --out ""
if [ "$(id -u)" -ne 0 ]; then
    cp -r good shut
    chmod a-w shut
    expect 5 "shut: the results cannot be written there" "$gkvae" eval shut --samples 1000000
    chmod u+w shut
fi
{ printf '\0\0\010\001\0\0\001\364'; head -c 500 /dev/zero; } > zeros.idx
gzip -dc "$fixture/t10k-images-idx3-ubyte.gz" > images.idx
expect 3 "of one class" "$gkvae" interpolate good --set data.test_images=images.idx --set data.test_labels=zeros.idx

# --- models and checkpoints ---
damaged() { # damaged TEXT: what is in run/ is refused, by all who read it
    expect 3 "$1" "$gkvae" eval run --images 50
    expect 3 "$1" "$gkvae" sample run --out never.png
    expect 3 "run/checkpoint.safetensors" "$gkvae" train --resume --out run
    rm -rf run
}
cp -r good run
head -c 20000 good/model.safetensors > run/model.safetensors
head -c 20000 good/checkpoint.safetensors > run/checkpoint.safetensors
damaged "run/model.safetensors"
cp -r good run
head -c 20000 /dev/urandom > run/model.safetensors
head -c 20000 /dev/urandom > run/checkpoint.safetensors
damaged "run/model.safetensors"
cp -r good run
: > run/model.safetensors
cp good/model.safetensors run/checkpoint.safetensors # good, but no checkpoint
damaged "run/model.safetensors"
# A valid file of another program, without metadata of gkvae.
mkdir run
header='{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
{ printf "\\$(printf '%o' ${#header})"'\0\0\0\0\0\0\0'; printf '%s\0\0\0\0' "$header"; } > run/model.safetensors
cp run/model.safetensors run/checkpoint.safetensors
cp good/config.ini run
damaged "not a model of gkvae"
expect 5 "model.safetensors" "$gkvae" eval "$source"
expect 5 "nowhere" "$gkvae" eval nowhere
expect 2 "not a folder" "$gkvae" eval good/model.safetensors
# Images whose size is not that of the model.
{ printf '\0\0\010\003\0\0\0\002\0\0\0\002\0\0\0\002'; printf 'abcdefgh'; } > tiny.idx
expect 3 "2 × 2" "$gkvae" reconstruct good tiny.idx --out never.png
[ -e never.png ] && fail "a picture was drawn of nothing"
diff -r good kept > /dev/null || { rm -f good/*.png good/metrics.json; diff -r good kept; } ||
    fail "bad calls changed a good run"
finish
