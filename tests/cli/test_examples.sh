# gkvae is installed into a folder, and the C examples are built as a user builds them: with
# pkg-config, from the installed headers and library alone.
. "$2/tests/cli/lib.sh"
. "$2/tests/cli/install.sh"

configure
prefix=$work/prefix
cmake --install mine --prefix "$prefix" > log 2>&1 || { fail "cmake --install: $(tail -n 5 log)"; finish; }
for file in bin/gkvae include/gkvae/table.h share/man/man1/gkvae.1 share/man/man1/gkvae-fit.1 share/man/man1/gkvae-gk.1; do
    [ -e "$prefix/$file" ] || fail "$file was not installed"
done
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name gkvae.pc)")
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion gkvae)" = "$(cat "$source/VERSION")" ] || fail "pkg-config knows another version"
LD_LIBRARY_PATH=$(pkg-config --variable=libdir gkvae)
export LD_LIBRARY_PATH
expect 0 "gkvae $(cat "$source/VERSION")" "$prefix/bin/gkvae" version

flags="-O1 -Wall -Wextra -Wpedantic -Werror ${sanitize:+-fsanitize=$sanitize}"
cp -r "$source/examples" examples
(cd examples && make clean > /dev/null && make CC="${compiler:-cc}" CFLAGS="$flags") > log 2>&1 ||
    { fail "the examples do not build: $(cat log)"; finish; }

expect 0 "maximum likelihood" examples/fit_sample
grep -q "in truth 0.5" output || fail "fit_sample: $(cat output)"
expect 0 "median 3, upper quartile 4.196232, 99.9% quantile 21." examples/distribution
grep -q "log f(0) = -8.55111611707" output || fail "distribution: $(cat output)"
expect 0 "b = 0.7" examples/least_squares
expect 0 "10000 converged" examples/many_problems
expect 0 "in truth 0.6" examples/multivariate
awk '/^correlation/ { exit !(($5 - 0.6)^2 < (4 * $7)^2) }' output || fail "multivariate: $(cat output)"
expect 0 "centre" examples/mixture
awk '/^weight/ { w[++n] = $2 + 0 } END { exit !(n == 2 && (w[1] - 0.7)^2 < 0.001 && (w[2] - 0.3)^2 < 0.001) }' output ||
    fail "mixture: $(cat output)"
expect 0 "2000 draws: mean log p(z) -" examples/model
expect 0 "day,index,currency" examples/simulate_returns
# The output is the table in the repository. The last digit may differ, because another CPU may round differently.
paste -d, output "$source/examples/returns/returns.csv" |
    awk -F, 'NR < 3 { next } $1 != $4 || ($2 - $5)^2 > 1.1e-8 || ($3 - $6)^2 > 1.1e-8 { bad++ } END { exit bad > 0 || NR != 2002 }' ||
    fail "examples/returns/returns.csv is not what simulate_returns prints"

# Every header can be included alone, in C and in C++.
for header in "$prefix"/include/gkvae/*.h; do
    name=gkvae/$(basename "$header")
    echo "#include <$name>" > alone.c
    # shellcheck disable=SC2046
    "${compiler:-cc}" -std=c17 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags gkvae) -fsyntax-only alone.c > log 2>&1 ||
        fail "$name does not stand alone: $(cat log)"
    cp alone.c alone.cc
    # shellcheck disable=SC2046
    ! command -v c++ > /dev/null || c++ -Wall -Wextra -Werror $(pkg-config --cflags gkvae) -fsyntax-only alone.cc > log 2>&1 ||
        fail "$name is not C++: $(cat log)"
done
finish
