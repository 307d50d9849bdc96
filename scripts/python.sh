#!/usr/bin/env bash
# The Python package, from the shared libraries of a build folder.
#
#   scripts/python.sh packages          prints the packages of Debian that `wheel` and `install` need
#   scripts/python.sh test-packages     prints those that `check` needs beside them
#   scripts/python.sh wheel BUILD       builds BUILD/python/dist/gkvae-*.whl
#   scripts/python.sh install BUILD     installs the wheel for this user, or in the virtual environment of PYTHON
#   scripts/python.sh check BUILD [ARGUMENT…]   checks the types, and runs the tests and doctests on the wheel;
#                                               arguments of pytest
#   scripts/python.sh check-asan BUILD [ARGUMENT…]   runs the tests on libraries with AddressSanitizer
#
# PYTHON names another interpreter than the system's to install for and to test with. The wheel is for all of them.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-/usr/bin/python3}

packages() {
    echo python3 python3-numpy python3-scipy python3-sklearn python3-build python3-setuptools python3-wheel python3-pip
}

test_packages() {
    echo python3-pytest python3-hypothesis python3-matplotlib python3-tqdm python3-pandas python3-mypy
}

# The libraries have the names that the loader looks for. Debugging information stays behind.
stage() {
    rm -rf "$build/python/source" "$build/python/dist"
    mkdir -p "$build/python/source/src/gkvae/_lib"
    cp -R bindings/python/. "$build/python/source"
    find "$build/python/source" -name __pycache__ -prune -exec rm -rf {} +
    cp VERSION LICENSE "$build/python/source"
    for library in libgk libgkvae; do
        [ -e "$build/$library.so" ] || continue
        name=$(readelf -d "$build/$library.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
        cp -L "$build/$library.so" "$build/python/source/src/gkvae/_lib/$name"
        strip --strip-debug "$build/python/source/src/gkvae/_lib/$name"
    done
}

wheel() {
    stage
    (cd "$build/python/source" &&
        /usr/bin/python3 -m build --no-isolation --wheel --outdir ../dist . > ../wheel.log 2>&1) || {
        cat "$build/python/wheel.log" >&2
        exit 1
    }
}

pip() {
    PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
        "$python" -m pip install --quiet --no-index --no-deps --no-warn-script-location "$@"
}

# The interpreter itself leaks at its end; what counts are leaks that the libraries of gkvae allocated.
check_asan() {
    local log code=0
    log=$(mktemp -d)
    GKVAE_LIBRARIES=$(realpath "$build") PYTHONPATH=$(realpath bindings/python/src) \
        LD_PRELOAD="$("${CC:-cc}" -print-file-name=libasan.so) $("${CC:-cc}" -print-file-name=libubsan.so)" \
        PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1 MPLBACKEND=Agg UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
        ASAN_OPTIONS="detect_stack_use_after_return=0:exitcode=0:malloc_context_size=6:log_path=$log/report" \
        "$python" -m pytest -q -p no:cacheprovider --import-mode=importlib bindings/python/tests \
        -k "not memory and not leaks and not meanwhile and not tour and not first_lines" "$@" || code=$?
    if grep -lE ' in gk[iv]_|runtime error|ERROR: AddressSanitizer' "$log"/report* > "$log/bad" 2> /dev/null; then
        xargs cat < "$log/bad" >&2
        code=1
    fi
    rm -rf "$log"
    return "$code"
}

command=${1-}
build=${2:-build}
case $command in
packages) packages ;;
test-packages) test_packages ;;
wheel)
    wheel
    echo "$build/python/dist/"*.whl
    ;;
install)
    user=--user
    "$python" -c 'import sys; sys.exit(sys.prefix == sys.base_prefix)' && user=
    # shellcheck disable=SC2086
    pip --force-reinstall $user "$build/python/dist/"*.whl
    "$python" -c 'import numpy, scipy' 2> /dev/null ||
        echo "$python has no NumPy or no SciPy, which gkvae needs: $python -m pip install numpy scipy scikit-learn" >&2
    ;;
check)
    shift 2
    rm -rf "$build/python/site"
    pip --target "$build/python/site" "$build/python/dist/"*.whl
    site=$(realpath "$build/python/site")
    export PYTHONPATH=$site PYTHONDONTWRITEBYTECODE=1 MPLBACKEND=Agg
    GKVAE_PROGRAM=$(realpath "$build")/gkvae
    export GKVAE_PROGRAM
    unset GKVAE_LIBRARIES
    tests=$(realpath bindings/python)
    (cd bindings/python && /usr/bin/python3 -m mypy --cache-dir="$site/../mypy")
    exec "$python" -m pytest -q -p no:cacheprovider -c "$tests/pyproject.toml" --rootdir "$tests" \
        --import-mode=importlib "$tests/tests" "$@"
    ;;
check-asan)
    shift 2
    check_asan "$@"
    ;;
*)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d' >&2
    exit 2
    ;;
esac
