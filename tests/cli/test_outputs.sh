# Names of output files: the ending of another format, and -, are refused by every command before it begins.
. "$2/tests/cli/lib.sh"
for name in - codes.tsv x.jpg samples.PDF a.gz ""; do
    for how in "sample run --out" "sample run --idx" "sample run --npy" "encode run --out" "reconstruct run --out" \
        "interpolate run --out" "features images --out" "features images --probabilities" "fit table.csv --picture" \
        "eval run --figures" "bench --json"; do
        expect 2 "${how##* }" "$gkvae" $how "$name"
        [ -n "$name" ] && ! grep -qE "a name that ends in .(png|npy|idx|json)" output && fail "$how $name: $(cat output)"
    done
done
for how in "train --out" "base fit run --base gk --out" "compare run --out"; do
    expect 2 "not to standard output" "$gkvae" $how -
done
expect 2 "a name that ends in .npy, .npz or .csv" "$gkvae" encode run --out codes.png
expect 2 "a PNG picture" "$gkvae" sample run --out samples.npy
ls > left
[ "$(wc -l < left)" -eq 5 ] || fail "a refused command wrote something: $(cat left)"

# Endings of the format in either case, unknown ones and none are taken.
expect 0 "done" "$gkvae" train small.ini --out run.v1 --epochs 1
expect 0 "4 images" "$gkvae" sample run.v1 -n 4 --out A.PNG --idx t10k-images-idx3-ubyte --npy plain
is_png A.PNG && holds plain 4 784 || fail "files with allowed names"
finish
