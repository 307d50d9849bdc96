# Images drawn from a model: means and Bernoulli draws, in files. tests/numpy checks the numbers.
. "$2/tests/cli/lib.sh"

expect 0 "done" "$gkvae" train mixture.ini --out run --epochs 1
size() { wc -c < "$1"; }
pixels=784
expect 0 "100 images of 784 numbers: means.npy" "$gkvae" sample run -n 100 --npy means.npy --idx means.idx
[ "$(size means.npy)" -eq $((128 + 4 * 100 * pixels)) ] || fail "means.npy has $(size means.npy) bytes"
head -c 128 means.npy | tr -d '\0' | grep -qF "'<f4', 'fortran_order': False, 'shape': (100, 784)" || fail "means.npy is another array"
[ -e samples.png ] && fail "a picture nobody asked for"
for form in means draws; do
    for threads in 1 2 3; do
        expect 0 "picture.png" "$gkvae" sample run -n 100 --form $form --npy $form-$threads.npy --idx $form-$threads.idx \
            --out picture.png --threads $threads
        is_png picture.png || fail "--form $form: no picture"
        cp picture.png $form-$threads.png
        for ending in npy idx png; do
            cmp "$form-1.$ending" "$form-$threads.$ending" || fail "--form $form: $ending is another on $threads threads"
        done
    done
    # The same sequence in parts, from a model file alone. The parts have 50 images, because the library passes 50
    # rows at a time, and OpenBLAS (GKVAE_SIMD=portable) rounds differently for other numbers of rows.
    expect 0 "50 images" "$gkvae" sample run/model.safetensors --form $form -n 50 --npy one.npy --idx one.idx
    expect 0 "50 images" "$gkvae" sample run/model.safetensors --form $form -n 50 --first 50 --npy two.npy --idx two.idx
    { tail -c +129 one.npy; tail -c +129 two.npy; } | cmp - <(tail -c +129 $form-1.npy) || fail "--first: other numbers in parts"
    { tail -c +17 one.idx; tail -c +17 two.idx; } | cmp - <(tail -c +17 $form-1.idx) || fail "--first: other bytes in parts"
done
cmp means.npy means-1.npy || fail "the default is not means"
cmp -s means-1.png draws-1.png && fail "the picture does not follow --form"
# The pixels are 0 and 255, in about the numbers that the means imply.
bytes() { tail -c +17 "$1" | od -An -v -tu1 -w1; }
[ "$(bytes draws-1.idx | sort -un | tr -d ' ' | tr '\n' ' ')" = "0 255 " ] || fail "draws are not 0 and 255"
[ "$(bytes means-1.idx | sort -u | wc -l)" -gt 50 ] || fail "means are not grey levels"
mean() { bytes "$1" | awk '{ sum += $1 } END { print sum / NR }'; }
is_true "($(mean draws-1.idx) - $(mean means-1.idx))^2 < 4" || fail "means $(mean means-1.idx), draws $(mean draws-1.idx)"
expect 0 "" "$gkvae" sample run -n 100 --form draws --seed 2 --idx seed.idx
cmp -s seed.idx draws-1.idx && fail "another seed draws the same"
expect 0 "100 images of 28 × 28" "$gkvae" data info draws-1.idx
expect 0 "1 images" "$gkvae" sample run -n 1 --first 4294967295 --form draws --idx last.idx

# One class, or all of them in a picture.
expect 0 "done" "$gkvae" train by-class.ini --out classes --epochs 1
expect 0 "8 images" "$gkvae" sample classes --class 3 -n 8 --form draws --npy class.npy
expect 0 "80 images" "$gkvae" sample classes --class each -n 8 --form draws --out classes.png

# A command that fails keeps existing files.
cp run/model.safetensors before
expect 2 "ends at number 4294967295" "$gkvae" sample run -n 2 --first 4294967295 --idx no.idx
expect 2 "--npy cannot hold the blocks" "$gkvae" sample classes --class each --npy no.npy
expect 2 "ends in .npy" "$gkvae" sample run --npy run/model.safetensors
expect 2 "name another file" "$gkvae" sample run --npy no --idx no
expect 2 "name another file" "$gkvae" sample run --npy no --out no
expect 2 "the name is empty" "$gkvae" sample run --npy ""
expect 5 "missing/a.npy" "$gkvae" sample run -n 5 --npy missing/a.npy
cmp before run/model.safetensors || fail "a refused call changed the model"
expect 0 "done" "$gkvae" train small.ini --out grey --epochs 1 --set data.binarization=grey
expect 2 "grey levels" "$gkvae" sample grey --form draws --npy no.npy
expect 0 "5 images" "$gkvae" sample grey -n 5 --npy grey.npy
for file in no.npy no.idx no.png; do [ -e $file ] && fail "a refused call left $file"; done
finish
