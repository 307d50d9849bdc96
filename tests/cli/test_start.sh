# The start of the program. It needs little address space, because OpenBLAS and libcurl are loaded only where they are
# used.
. "$2/tests/cli/lib.sh"

# limited COMMAND…: with 500 MB of address space, in which OpenBLAS would never return from its own start.
limited() {
    (ulimit -v 500000 && exec timeout 60 "$@")
}

if command -v readelf > /dev/null; then
    for library in openblas curl; do
        readelf -d "$gkvae" | grep NEEDED | grep -q $library && fail "the program is linked with $library"
    done
fi
if grep -qaE '__(asan|tsan)_init' "$gkvae"; then # sanitizers need terabytes of address space
    echo "no test of a limited address space under a sanitizer"
    finish
fi

expect 0 "kernels:" limited "$gkvae" version
expect 0 "" limited "$gkvae" settings
expect 0 "0.9" limited "$gkvae" gk cdf --params 0,1,0,0 1.5
expect 0 "index" limited "$gkvae" fit "$source/examples/returns/returns.csv" --quiet
expect 0 "images" limited "$gkvae" data info --dataset mnist-small --folder "$source/tests/fixtures"
expect 8 "OpenBLAS needs 512 MiB of address space" limited "$gkvae" bench --quiet --images 1000 --seconds 5

# Where the kernels for AVX2 cannot be used, OpenBLAS computes the products if it can be loaded, and else the portable
# kernels. They agree to rounding.
export GKVAE_SIMD=portable
for config in small mixture; do
    expect 0 "done" "$gkvae" train $config.ini --out $config-blas --epochs 1
    expect 0 "done" limited "$gkvae" train $config.ini --out $config-plain --epochs 1
    cmp -s $config-blas/model.safetensors $config-plain/model.safetensors &&
        fail "$config: OpenBLAS was loaded in both runs or in neither"
    for run in blas plain; do
        "$gkvae" eval $config-$run --quiet --no-pictures --no-generation > output || fail "$config: eval of $run"
        awk '$1 ~ /log$/ && $2 == "p(x)" { print $3 }' output
    done > values
    awk 'NR == 1 { first = $1 } NR == 2 { ok = (first - $1) ^ 2 < 0.01 } END { exit !ok }' values ||
        fail "$config: −log p(x) $(paste -sd ' ' values)"
done
finish
