#!/usr/bin/env bash
# The R package, linked with libgkvae.a of a build folder.
#
#   scripts/r.sh packages          prints the packages of Debian that `stage` and `install` need
#   scripts/r.sh test-packages     prints those that `check` needs beside them
#   scripts/r.sh stage BUILD       writes the source package to BUILD/r/gkvae_*.tar.gz
#   scripts/r.sh install BUILD     installs it in R's first library that this user may write, or in R_LIBS_USER
#   scripts/r.sh check BUILD       runs R CMD check, the tests included
#   scripts/r.sh test BUILD        runs the tests alone, which is faster
#   scripts/r.sh test-asan BUILD   stages and installs the package with AddressSanitizer, and runs them
set -eu
cd "$(dirname "$0")/.."

packages() {
    echo r-base-core r-cran-knitr r-cran-markdown
}

test_packages() {
    echo r-cran-tinytest r-cran-fitdistrplus devscripts qpdf # as-cran asks for checkbashisms, and for qpdf
}

# The library is within the package once it is installed, without debugging information. Outside this script, configure
# asks pkg-config.
library_of_build() {
    mkdir -p "$build/r"
    strip --strip-debug -o "$build/r/libgkvae.a" "$build/libgkvae.a"
    GKVAE_CFLAGS="-I$(realpath include) -DGKVAE_MODELS"
    GKVAE_LIBS="$(realpath "$build/r/libgkvae.a") $(pkg-config --libs sleef jansson inih libmd libpng zlib) \
-fopenmp -lpthread -ldl -lm"
    export GKVAE_CFLAGS GKVAE_LIBS
}

# The tests compare values with those of the program, and run the code of the READMEs.
what_tests_read() {
    GKVAE_PROGRAM=$(realpath "$build")/gkvae
    GKVAE_SOURCE=$PWD
    export GKVAE_PROGRAM GKVAE_SOURCE
}

# stage [ARGUMENT…]: arguments of R CMD build.
stage() {
    rm -rf "$build/r/gkvae" "$build"/r/gkvae_*.tar.gz
    mkdir -p "$build/r/gkvae"
    cp -R bindings/r/. "$build/r/gkvae"
    mkdir -p "$build/r/gkvae/inst/extdata"
    cp examples/returns/returns.csv "$build/r/gkvae/inst/extdata"
    sed -i "s/^Version: .*/Version: $(cat VERSION)/" "$build/r/gkvae/DESCRIPTION"
    (cd "$build/r" && R CMD build "$@" gkvae > build.log 2>&1) || {
        cat "$build/r/build.log" >&2
        exit 1
    }
}

# install_to FOLDER [ARGUMENT…]: quietly, unless it fails; arguments of R CMD INSTALL.
install_to() {
    local folder=$1
    shift
    mkdir -p "$folder"
    R CMD INSTALL --library="$folder" "$@" "$build"/r/gkvae_*.tar.gz > "$build/r/install.log" 2>&1 || {
        cat "$build/r/install.log" >&2
        exit 1
    }
}

# R itself leaks at its end; what counts are leaks that the library or the package allocated.
test_asan() {
    local log code=0
    log=$(mktemp -d)
    R_LIBS=$(realpath "$build/r/library") LD_PRELOAD="$("${CC:-cc}" -print-file-name=libasan.so) $("${CC:-cc}" \
-print-file-name=libubsan.so)" UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
        ASAN_OPTIONS="detect_stack_use_after_return=0:exitcode=0:malloc_context_size=12:log_path=$log/report" \
        Rscript --vanilla bindings/r/tests/tinytest.R || code=$?
    if grep -lE ' in gk[ivr]_|runtime error|ERROR: AddressSanitizer' "$log"/report* > "$log/bad" 2> /dev/null; then
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
stage)
    library_of_build
    stage
    ;;
install)
    library_of_build
    install_to "$(Rscript --vanilla -e 'l <- .libPaths(); l <- l[file.access(l, 2) == 0]
        cat(if (length(l)) l[1] else path.expand(strsplit(Sys.getenv("R_LIBS_USER"), ":")[[1]][1]))')"
    ;;
check)
    library_of_build
    what_tests_read
    unset R_TESTS
    cd "$build/r"
    # As CRAN checks, but for what needs TeX (the manual as PDF) or the internet (the names of packages, the time).
    export _R_CHECK_FORCE_SUGGESTS_=true _R_CHECK_CRAN_INCOMING_=false _R_CHECK_SYSTEM_CLOCK_=false
    R CMD check --as-cran --no-manual gkvae_*.tar.gz || {
        find gkvae.Rcheck -name '*.Rout.fail' -exec cat {} + >&2
        exit 1
    }
    if grep -E '^Status:.*(ERROR|WARNING)' gkvae.Rcheck/00check.log; then
        exit 1
    fi
    ;;
test-asan)
    library_of_build
    GKVAE_CFLAGS="$GKVAE_CFLAGS -fsanitize=address,undefined -g"
    GKVAE_LIBS="$GKVAE_LIBS -fsanitize=address,undefined"
    what_tests_read
    unset GKVAE_PROGRAM # the tests without it, as it is not built here
    stage --no-build-vignettes # R without the sanitizer cannot load the package
    install_to "$build/r/library" --no-test-load
    test_asan
    ;;
test)
    library_of_build
    what_tests_read
    install_to "$build/r/library"
    R_LIBS=$(realpath "$build/r/library") Rscript --vanilla bindings/r/tests/tinytest.R
    ;;
*)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d' >&2
    exit 2
    ;;
esac
