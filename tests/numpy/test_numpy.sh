#!/usr/bin/env bash
# Trains tiny models that together use every option of the model, and has NumPy compute
# what the program says of them; then the same of feature networks. Arguments: the program, the source folder.
set -eu
program=${1:?usage: test_numpy.sh PROGRAM SOURCE_DIR}
source_dir=${2:?usage: test_numpy.sh PROGRAM SOURCE_DIR}
[ -x "$program" ] || { echo "skipped: no program at $program"; exit 77; }
# The first Python that has NumPy; the system's may have it when another does not.
python=
for candidate in "${PYTHON:-}" python3 /usr/bin/python3; do
    if [ -n "$candidate" ] && "$candidate" -c 'import numpy' 2> /dev/null; then python=$candidate && break; fi
done
[ -n "$python" ] || { echo "skipped: no Python with NumPy (Debian: python3-numpy)"; exit 77; }
export OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# NAME SAMPLES: evaluates, compares.
evaluate() {
    "$program" eval "$work/$1" --samples "$2" --images 100 --no-pictures > "$work/log" 2>&1 ||
        { cat "$work/log"; exit 1; }
    for what in z eps mean; do
        "$program" encode "$work/$1" --what $what -n 100 --out "$work/$1/$what.npy" > "$work/log" 2>&1 ||
            { cat "$work/log"; exit 1; }
    done
    "$python" "$source_dir/tests/numpy/check_model.py" "$work/$1"
    draws "$1"
}

quietly() {
    "$@" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}

# NAME: draws from the model's file alone, compares.
draws() {
    local model=$work/$1/model.safetensors to=$work/$1/draws first=1037
    mkdir -p "$to"
    for what in prior prior-eps; do
        quietly "$program" encode "$model" --what $what --count 200 --out "$to/$what.npy"
    done
    quietly "$program" sample "$model" --first $first -n 60 --npy "$to/means.npy" \
        --idx "$to/means.idx"
    [[ $1 = grey ]] || quietly "$program" sample "$model" --first $first -n 60 --form draws --npy "$to/draws.npy" \
        --idx "$to/draws.idx"
    [[ $1 != classes ]] || quietly "$program" sample "$model" --first $first -n 60 --class 3 --npy "$to/class-3.npy"
    "$python" "$source_dir/tests/numpy/check_draws.py" "$model" "$to" --first $first
}

# NAME SAMPLES KEY=VALUE …: trains, evaluates, compares.
check() {
    local name=$1 samples=$2 sets=()
    shift 2
    for assignment in "$@"; do sets+=(--set "$assignment"); done
    "$program" train --out "$work/$name" --set data.folder="$source_dir/tests/fixtures" \
        --set data.dataset=mnist-small --set data.validation=200 --set model.hidden=48 --set model.latent=6 \
        --set model.prior_hidden=16 --set model.prior_layers=5 --set train.epochs=1 --set train.batch=50 \
        --set train.threads=2 --set train.kl_warmup=0 --set train.learning_rate=0.02 "${sets[@]}" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    evaluate "$name" "$samples"
}

check copula 1 train.seed=3 model.base=gk-copula model.block=silu model.layers=2
check copula-5 5 model.base=gk-copula model.base_fit=grad model.posterior=gk model.posterior_flow=planar model.posterior_layers=2 \
    model.base_g=0.5 model.base_k=0.1 eval.seed=9223372036854775807
check gk 5 model.base=gk model.posterior=gk-amortized model.posterior_flow=radial model.posterior_layers=2 \
    model.block=gated data.binarization=static model.latent=7 train.ema=0.9
check plain 5 model.base=normal model.base_fit=fixed model.prior_flow=none model.layers=1 model.latent=1
check grey 1 model.base=gk model.base_fit=fixed model.base_g=-1 model.base_k=0.3 model.prior_layers=3 \
    data.binarization=grey model.log_scale_bound=0.5

check mixture 3 model.base_components=4 train.epochs=2
check normals 3 model.base=gaussian-mixture model.base_components=5 model.base_fit=lm+grad model.prior_flow=none \
    train.refit_every=0.5 train.epochs=2
check diagonal 3 model.base=gk-mixture model.base_components=3 model.base_covariance=diagonal model.base_tied_shapes=yes \
    model.base_fit=grad model.base_g=0.3
check gaussian 1 model.base=full-gaussian model.posterior=full model.block=residual model.layers=3
check iwae 5 model.posterior=full model.posterior_flow=planar model.posterior_layers=1 train.objective=iwae \
    train.samples=4 train.weight_decay=0.1
check student 3 model.base=student-t
check conv 2 model.net=conv model.half_channels=6 model.quarter_channels=10 model.conv_blocks=2 \
    model.prior_flow=none
check spline 2 model.prior_flow=spline model.spline_bins=4 model.spline_bound=1.5 model.posterior_flow=iaf model.posterior_layers=2
check gk-coupling 2 model.prior_flow=gk-coupling model.posterior_flow=sylvester-orthogonal model.posterior_layers=1
check maf 2 model.prior_flow=maf model.posterior_flow=sylvester-householder model.posterior_layers=2
check glow 2 model.prior_flow=glow model.prior_layers=3
check depthwise 2 model.net=conv model.half_channels=6 model.quarter_channels=10 model.conv_block=depthwise \
    model.downsampling=stride model.prior_flow=none
check classes 3 model.base=gk-by-class model.base_components=2 model.prior_flow=none

# Options are worth little while their numbers are near those they began with. The
# same models once more with weights that no training made, and large ones.
stir() {
    "$python" - "$work/$1/model.safetensors" <<'EOF'
import json, sys
import numpy as np
raw = bytearray(open(sys.argv[1], "rb").read())
start = 8 + int.from_bytes(raw[:8], "little")
random = np.random.default_rng(1)
for name, entry in json.loads(raw[8:start]).items():
    if name == "__metadata__" or name == "encoder.input_mean" or name.endswith(("cholesky", "whitening")):
        continue
    first, last = (start + offset for offset in entry["data_offsets"])
    array = np.frombuffer(raw[first:last], "<f4")
    noise = random.standard_normal(array.size)
    if name.startswith("prior.flow") and entry["shape"][1:]:
        noise *= array != 0  # masked weights stay 0
    if name == "prior.base.scale":
        array = array * np.exp(0.3 * abs(noise))
    elif name == "prior.base.k":  # any k above −0.059 goes with any g
        array = 0.2 * abs(noise) - 0.05
    elif name in ("prior.base.g", "prior.base.location", "posterior.raw_g", "posterior.raw_k"):
        array = noise
    elif entry["shape"][1:]:  # the prior's flow less: five layers of scales that multiply
        array = array + (0.15 if name.startswith("prior") else 0.5) * noise / entry["shape"][1] ** 0.5
    else:
        array = array + 0.1 * noise
    raw[first:last] = np.asarray(array, "<f4").tobytes()
raw = raw.replace(b"gkvae.crc32", b"other.crc32", 1)  # the checksum is that of the model before
open(sys.argv[1], "wb").write(raw)
EOF
    evaluate "$1" 3
}
for name in copula-5 gk plain mixture normals conv spline gk-coupling maf glow; do stir "$name"; done

# A comparison that cannot fail is none: one weight moved, and it must be seen.
"$python" - "$work/copula/model.safetensors" <<'EOF'
import sys
with open(sys.argv[1], "r+b") as file:
    raw = bytearray(file.read())
    raw[-1] ^= 0x80  # the last number of the file is the copula's L_dd: its sign
    file.seek(0)
    file.write(raw)
EOF
if "$python" "$source_dir/tests/numpy/check_model.py" "$work/copula" > "$work/log" 2>&1; then
    echo "a changed weight went unnoticed"
    cat "$work/log"
    exit 1
fi

# A draw is of the same component whatever the CPU.
GKVAE_SIMD=portable draws mixture

# Nor is a comparison of draws: one of them in another's place.
"$python" - "$work/mixture/draws/prior.npy" <<'EOF'
import sys
import numpy as np
draws = np.load(sys.argv[1])
draws[[5, 6]] = draws[[6, 5]]
np.save(sys.argv[1], draws)
EOF
if "$python" "$source_dir/tests/numpy/check_draws.py" "$work/mixture/model.safetensors" "$work/mixture/draws" \
    --first 1037 > "$work/log" 2>&1; then
    echo "draws in another order went unnoticed"
    cat "$work/log"
    exit 1
fi

# Metrics of generation, from features of the images that `sample` writes: the first set of draws, means and binary.
generation() {
    local run=$work/mixture small=$source_dir/tests/fixtures/mnist-small form key reference
    quietly "$program" eval "$run" --samples 1 --images 20 --draws 300 --draw-sets 1 --set eval.features=mnist --no-pictures
    quietly "$program" features "$small/t10k-images-idx3-ubyte.gz" --out "$work/means-real.npy"
    PYTHONPATH="$source_dir/tests/numpy" "$python" - "$small/t10k-images-idx3-ubyte.gz" "$work/binarized.npy" <<'EOF2'
import sys
import numpy as np
from check_model import binarized, read_images
grey = read_images(sys.argv[1])
np.save(sys.argv[2], binarized(grey.reshape(len(grey), -1), 1).astype(np.float32))
EOF2
    quietly "$program" features "$work/binarized.npy" --out "$work/draws-real.npy"
    for form in means draws; do
        key=
        [[ $form = means ]] || key=binary_
        quietly "$program" sample "$run" -n 300 --form $form --npy "$work/$form-drawn-images.npy" --out "$work/drawn.png"
        quietly "$program" features "$work/$form-drawn-images.npy" --out "$work/$form-drawn.npy"
        reference=$work/$form-real.npy
        "$python" "$source_dir/tests/numpy/check_generation.py" "$reference" "$work/$form-drawn.npy" \
            $("$python" -c '
import json, sys
figures = json.load(open(sys.argv[1]))
names = {"frechet": "frechet_lenet", "kid": "kid_lenet"}
for key in ("frechet", "kid", "precision", "recall", "density", "coverage"):
    print(f"{key}={figures[sys.argv[2] + names.get(key, key)]!r}")' "$run/metrics.json" "$key")
    done
}
generation

# Features of images: the networks of the library, and one that the script makes of images of
# another size, of which pooling leaves the last column out.
features() { # features IMAGES NETWORK [LABELS ACCURACY], with --dataset or --network in $which
    "$program" features "$1" "${which[@]}" --out "$work/f.npy" --probabilities "$work/p.npy" > "$work/log" 2>&1 ||
        { cat "$work/log"; return 1; }
    "$python" "$source_dir/tests/numpy/check_features.py" "$2" "$1" "$work/f.npy" "$work/p.npy" "${@:3}"
}
small=$source_dir/tests/fixtures/mnist-small networks=$source_dir/features
which=(--dataset mnist)
features "$small/t10k-images-idx3-ubyte.gz" "$networks/mnist.safetensors" "$small/t10k-labels-idx1-ubyte.gz" 0.98
which=(--dataset fashion-mnist)
features "$small/t10k-images-idx3-ubyte.gz" "$networks/fashion-mnist.safetensors"
if features "$small/t10k-images-idx3-ubyte.gz" "$networks/mnist.safetensors" > "$work/log" 2>&1; then
    echo "another network's features went unnoticed"
    exit 1
fi
PYTHONPATH="$source_dir/tests/numpy" "$python" - "$small" "$work" <<'EOF'
import sys
import numpy as np
from check_model import read_images
for half in ("train", "t10k"):
    images = read_images(f"{sys.argv[1]}/{half}-images-idx3-ubyte.gz").reshape(-1, 28, 28)
    images = np.ascontiguousarray(images[:, 4:25, 5:24])
    header = np.array([0x803, *images.shape], dtype=">u4")
    open(f"{sys.argv[2]}/{half}.idx", "wb").write(header.tobytes() + images.tobytes())
EOF
"$program" features train own --set "data.train_images=$work/train.idx" --set "data.test_images=$work/t10k.idx" \
    --set "data.train_labels=$small/train-labels-idx1-ubyte.gz" --set "data.test_labels=$small/t10k-labels-idx1-ubyte.gz" \
    --out "$work/own.safetensors" --epochs 5 > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
which=(--network "$work/own.safetensors")
features "$work/t10k.idx" "$work/own.safetensors" "$small/t10k-labels-idx1-ubyte.gz" 0.5

# The example of docs/files.md is the file, and it runs.
"$python" - "$source_dir" <<'EOF'
import sys
example = open(sys.argv[1] + "/examples/load_model.py", encoding="utf-8").read()
if example not in open(sys.argv[1] + "/docs/files.md", encoding="utf-8").read():
    sys.exit("docs/files.md does not show examples/load_model.py as it is")
EOF
"$python" "$source_dir/examples/load_model.py" "$work/copula-5/model.safetensors" "$work/samples.pgm"
[ "$(head -c 2 "$work/samples.pgm")" = P5 ]
echo "NumPy agrees"
