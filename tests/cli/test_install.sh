# An installed gkvae: the places of its files, pkg-config and find_package, programs of a user with
# either library, and make uninstall. The files are those of the tested build. A separate
# configuration, which builds nothing, installs them.
. "$2/tests/cli/lib.sh"
. "$2/tests/cli/install.sh"
flags="-std=c17 -Wall -Wextra -Werror ${sanitize:+-fsanitize=$sanitize}"
unset DESTDIR

installs() {
    bash "$source/scripts/install.sh" mine "$1" > log 2>&1 || { fail "install: $(cat log)"; finish; }
    grep -q "^installed [0-9]* files in .*$1" log || fail "install.sh does not report the installation: $(cat log)"
}
uninstalls() {
    expect 0 "removed" bash "$source/scripts/uninstall.sh" mine
    find "$1" ! -type d | grep . && fail "uninstall left files"
    find "$1" -name '*gkvae*' | grep . && fail "uninstall left folders"
    expect 1 "nothing was installed" bash "$source/scripts/uninstall.sh" mine
}
cat > mean.c << 'END'
#include <gkvae/gkvae.h>
#include <stdio.h>
int main(void)
{
    const gkv_gk gk = {.a = 3, .b = 1, .c = 0.8};
    printf("P(X <= 3) = %g\n", gkv_gk_cdf(&gk, 3));
    return 0;
}
END
runs() { LD_LIBRARY_PATH=$1 expect 0 "P(X <= 3) = 0.5" "$2"; }

# by_pkg_config LIBDIR: builds with pkg-config, once with the shared library and once with the archive.
by_pkg_config() {
    local said
    export PKG_CONFIG_PATH=$1/pkgconfig
    [ "$(pkg-config --modversion gkvae)" = "$(cat "$source/VERSION")" ] || fail "pkg-config knows another version"
    [ "$(realpath "$(pkg-config --variable=libdir gkvae)")" = "$1" ] ||
        fail "pkg-config's libdir is $(pkg-config --variable=libdir gkvae), not $1"
    # shellcheck disable=SC2046,SC2086
    "${compiler:-cc}" $flags mean.c -o by-shared $(pkg-config --cflags --libs gkvae) > log 2>&1 ||
        fail "pkg-config: $(cat log)"
    runs "$1" ./by-shared
    said=$(pkg-config --static --cflags --libs gkvae | sed 's/-lgkvae/-l:libgkvae.a/')
    # shellcheck disable=SC2086
    "${compiler:-cc}" $flags mean.c -o by-static $said > log 2>&1 || fail "pkg-config --static: $(cat log)"
    runs /nowhere ./by-static
    unset PKG_CONFIG_PATH
}

# by_find_package PREFIX LIBDIR
by_find_package() {
    rm -rf user
    mkdir user
    cp mean.c user
    cat > user/CMakeLists.txt << 'END'
cmake_minimum_required(VERSION 3.20)
project(user LANGUAGES C)
find_package(gkvae 0.1 REQUIRED COMPONENTS shared static)
add_executable(by_shared mean.c)
target_link_libraries(by_shared PRIVATE gkvae::gkvae)
add_executable(by_static mean.c)
target_link_libraries(by_static PRIVATE gkvae::gkvae_static)
END
    cmake -S user -B user/build -DCMAKE_C_COMPILER="${compiler:-cc}" -DCMAKE_C_FLAGS="$flags" \
        -DCMAKE_PREFIX_PATH="$1" > log 2>&1 && cmake --build user/build >> log 2>&1 ||
        { fail "find_package: $(tail -n 20 log)"; return; }
    runs "$2" user/build/by_shared
    runs /nowhere user/build/by_static
    sed -i 's/0\.1 REQUIRED/9.0 REQUIRED/' user/CMakeLists.txt
    expect 1 "version" cmake -S user -B user/build
}

# The usual layout, with a configured prefix that differs from the prefix of the installation.
configure
prefix=$work/usual
installs "$prefix"
for file in bin/gkvae include/gkvae/table.h share/doc/gkvae/LICENSE share/gkvae/configs/mnist.ini; do
    [ -e "$prefix/$file" ] || fail "$file was not installed"
done
for page in "$source"/man/*.1; do
    [ -e "$prefix/share/man/man1/$(basename "$page")" ] || fail "$page was not installed"
done
for file in bash-completion/completions/gkvae zsh/site-functions/_gkvae fish/vendor_completions.d/gkvae.fish; do
    grep -q "made by .gkvae completion" "$prefix/share/$file" || fail "$file was not installed"
done
libdir=$(dirname "$(find "$prefix" -name libgkvae.a)")
! command -v ldconfig > /dev/null || grep -q "$libdir is not in the loader's path.*ldconfig" log ||
    fail "no word of ldconfig: $(cat log)"
by_pkg_config "$libdir"
by_find_package "$prefix" "$libdir"
# The installation can be moved.
mv "$prefix" "$work/moved"
by_pkg_config "${libdir/usual/moved}"
mv "$work/moved" "$prefix"
echo mine > "$prefix/include/mine.h"
expect 0 "removed" bash "$source/scripts/uninstall.sh" mine
[ "$(find "$prefix" ! -type d)" = "$prefix/include/mine.h" ] ||
    fail "uninstall took or left too much: $(find "$prefix" ! -type d)"

# Debian's layout, staged below DESTDIR.
configure -DCMAKE_INSTALL_LIBDIR=lib/x86_64-linux-gnu
export DESTDIR=$work/stage
installs /opt/gkvae
grep -q ldconfig log && fail "ldconfig for a staged copy: $(cat log)"
by_pkg_config "$DESTDIR/opt/gkvae/lib/x86_64-linux-gnu"
uninstalls "$DESTDIR"
finish
