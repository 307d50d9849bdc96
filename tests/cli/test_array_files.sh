# Arrays by the ending of a name, .npy, .npz and .csv, and folders of PNG files. NumPy reads the archives.
. "$2/tests/cli/lib.sh"

expect 0 "done" "$gkvae" train by-class.ini --out run --epochs 1
python=$(python_with numpy) || python=

# arrays FILE.npz EXPRESSION: NumPy reads the archive, and the expression of its arrays is true.
arrays() {
    [ -n "$python" ] || return
    "$python" -c "
import sys
import numpy as np
a = np.load('$1')
load = lambda name: np.load(name)
sys.exit(not ($2))" || fail "$1: $2 is false"
}

# Codes with labels.
expect 0 "codes.npz" "$gkvae" encode run -n 30 --out codes.npz
expect 0 "codes.npy" "$gkvae" encode run -n 30 --out codes.npy
expect 0 "codes.csv" "$gkvae" encode run -n 30 --out codes.csv
arrays codes.npz "sorted(a) == ['codes', 'labels'] and (a['codes'] == load('codes.npy')).all()"
arrays codes.npz "a['labels'].shape == (30,) and a['labels'].dtype == np.uint8 and a['labels'].max() <= 9"
[ "$(head -n 1 codes.csv)" = codes_1,codes_2,codes_3,codes_4,codes_5,codes_6,label ] || fail "codes.csv: $(head -n 1 codes.csv)"
[ "$(wc -l < codes.csv)" -eq 31 ] || fail "codes.csv has $(wc -l < codes.csv) lines"
if [ -n "$python" ]; then
    "$python" -c "
import numpy as np
t = np.genfromtxt('codes.csv', delimiter=',', skip_header=1)
a = np.load('codes.npz')
assert (t[:, :6].astype(np.float32) == a['codes']).all() and (t[:, 6] == a['labels']).all()" || fail "codes.csv differs"
fi
expect 0 "prior.npz" "$gkvae" encode run --what prior -n 12 --out prior.npz
arrays prior.npz "list(a) == ['codes'] and a['codes'].shape == (12, 6)"

# Draws: images, codes and classes; the same images in every form.
expect 0 "12 images" "$gkvae" sample run -n 12 --first 5 --npy drawn.npz --png drawn
expect 0 "12 images" "$gkvae" sample run -n 12 --first 5 --npy drawn.npy
expect 0 "17 codes" "$gkvae" encode run --what prior -n 17 --out seventeen.npy
arrays drawn.npz "sorted(a) == ['codes', 'images'] and (a['images'].reshape(12, -1) == load('drawn.npy')).all()"
arrays drawn.npz "a['images'].shape == (12, 28, 28) and (a['codes'] == load('seventeen.npy')[5:]).all()"
expect 0 "3 images" "$gkvae" sample run -n 3 --class 7 --npy seven.npz
arrays seven.npz "(a['labels'] == 7).all()"
[ "$(ls drawn | head -n 1) $(ls drawn | wc -l)" = "000005.png 12" ] || fail "the folder has $(ls drawn)"
is_png drawn/000016.png || fail "no PNG"
expect 2 "--class each" "$gkvae" sample run --class each --png each
expect 0 "12 images" "$gkvae" sample run -n 12 --first 5 --idx drawn.idx --npy drawn.csv
[ "$(wc -l < drawn.csv)" -eq 13 ] || fail "drawn.csv has $(wc -l < drawn.csv) lines"
expect 0 "" "$gkvae" data import drawn --out imported
tail -c +17 drawn.idx | cmp - <(tail -c +17 imported/train-images-idx3-ubyte) || fail "PNG files are other images"

# Reconstructions, and refined ones.
expect 0 "5 images: few.npz" "$gkvae" reconstruct run -n 5 --npy few.npz --png few
[ -e reconstructions.png ] && fail "a picture that nobody wished"
arrays few.npz "sorted(a) == ['codes', 'labels', 'originals', 'reconstructions', 'targets']"
arrays few.npz "all(a[k].shape == (5, 28, 28) for k in ('originals', 'reconstructions', 'targets'))"
arrays few.npz "set(np.unique(a['targets'])) <= {0, 1} and (a['labels'] == load('codes.npz')['labels'][:5]).all()"
[ "$(ls few | tr '\n' ' ')" = "000000.png 000001.png 000002.png 000003.png 000004.png " ] || fail "the folder has $(ls few)"
expect 0 "refined.npz" "$gkvae" reconstruct run -n 5 --refine lm:2 --npy refined.npz --out picture.png
is_png picture.png || fail "no picture"
arrays refined.npz "a['refined_reconstructions'].shape == (5, 28, 28) and a['refined_codes'].shape == (5, 6)"
arrays refined.npz "(a['reconstructions'] == load('few.npz')['reconstructions']).all()"

# Features with probabilities.
expect 0 "features.npz" "$gkvae" features drawn.npy --out features.npz
expect 0 "features.csv" "$gkvae" features drawn.npy --out features.csv --probabilities classes.npy
arrays features.npz "(a['probabilities'] == load('classes.npy')).all() and len(a['features']) == 12"

# Files of the run stay.
expect 2 "which the command needs itself" "$gkvae" reconstruct run --npy run/config.ini
expect 5 "" "$gkvae" sample run -n 1 --png run/config.ini
finish
