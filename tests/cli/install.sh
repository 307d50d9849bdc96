# For tests that install; sourced after lib.sh. The files installed are those of the build that is
# tested, but from the folder `mine`, because the build keeps its own record of `make install`.
build=$(dirname "$gkvae")
cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt" 2> /dev/null; }
for needed in cmake make pkg-config; do
    command -v $needed > /dev/null || { echo "skipped: no $needed"; exit 77; }
done
ls "$build"/libgkvae.so* > /dev/null 2>&1 || { echo "skipped: no shared library beside $gkvae"; exit 77; }
# Programs that use the library need the same sanitizer flags as the library.
compiler=$(cached CMAKE_C_COMPILER)
sanitize=$(cached GKV_SANITIZE)

# configure CMAKE-ARGUMENT…: creates the folder `mine`, or changes it.
configure() {
    cmake -S "$source" -B mine -DCMAKE_C_COMPILER="${compiler:-cc}" -DCMAKE_BUILD_TYPE="$(cached CMAKE_BUILD_TYPE)" \
        -DGKV_SANITIZE="$sanitize" -DBUILD_TESTING=OFF "$@" > log 2>&1 || { fail "cmake: $(tail -n 5 log)"; finish; }
    cp -P "$build"/libgk.a "$build"/libgk.so* "$build"/libgkvae.a "$build"/libgkvae.so* "$gkvae" mine/
}
