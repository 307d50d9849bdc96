# An installed gkvae: the places of its files, pkg-config and find_package, programs of a user with
# libgk alone and with libgkvae, shared and static, the symbols of the libraries, and make uninstall. The files are those of the tested build. A separate
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
cat > fit.c << 'END'
#include <gkvae/libgk.h>
#include <stdio.h>
int main(void)
{
    const gkv_gk gk = {.a = 3, .b = 1, .c = 0.8};
    gkv_table *table;
    printf("P(X <= 3) = %g, %s\n%s\n", gkv_gk_cdf(&gk, 3), gkv_version(), gkv_build_description());
    return gkv_table_read("/no/such.csv", NULL, &table) == GKV_ERR_IO ? puts(gkv_error_message()) < 0 : 2;
}
END
# Errors of either library are in the same message.
cat > model.c << 'END'
#include <gkvae/gkvae.h>
#include <stdio.h>
int main(void)
{
    const gkv_gk gk = {.a = 3, .b = 1, .c = 0.8};
    gkv_model *model;
    gkv_table *table;
    printf("P(X <= 3) = %g, %s\n%s\n", gkv_gk_cdf(&gk, 3), gkv_version(), gkv_build_description());
    if (gkv_table_read("/no/such.csv", NULL, &table) != GKV_ERR_IO)
        return 2;
    puts(gkv_error_message());
    return gkv_model_load("/no/such.model", &model) == GKV_ERR_IO ? puts(gkv_error_message()) < 0 : 3;
}
END
heavy='curl|cairo|jansson|inih|libz\.|libmd\.|libpng|openblas|gfortran'

# runs LIBDIR PROGRAM: it runs, and loads none of the libraries that its own library does without.
runs() {
    local unwanted=cairo
    case $2 in *fit*) unwanted="$heavy|libgkvae" ;; esac
    LD_LIBRARY_PATH=$1 expect 0 "P(X <= 3) = 0.5, $(cat "$source/VERSION")" "$2"
    grep -q "^compiler: " output && grep -q "^kernels: " output || fail "no description of the build: $(cat output)"
    grep -q "/no/such.csv" output || fail "no message: $(cat output)"
    case $2 in *model*) grep -q "/no/such.model" output || fail "no message of libgkvae: $(cat output)" ;; esac
    LD_LIBRARY_PATH=$1 ldd "$2" > loaded
    grep -E "$unwanted" loaded && fail "$2 loads a library that it does without"
}

# by_pkg_config LIBDIR: builds with pkg-config, once with the shared library and once with the archive.
by_pkg_config() {
    local said
    export PKG_CONFIG_PATH=$1/pkgconfig
    for package in gk:fit gkvae:model; do
        local name=${package%:*} program=${package#*:}
        [ "$(pkg-config --modversion "$name")" = "$(cat "$source/VERSION")" ] || fail "pkg-config knows another version"
        [ "$(realpath "$(pkg-config --variable=libdir "$name")")" = "$1" ] ||
            fail "pkg-config's libdir is $(pkg-config --variable=libdir "$name"), not $1"
        # shellcheck disable=SC2046,SC2086
        "${compiler:-cc}" $flags $program.c -o "$program-shared" $(pkg-config --cflags --libs "$name") > log 2>&1 ||
            fail "pkg-config: $(cat log)"
        runs "$1" "./$program-shared"
        said=$(pkg-config --static --cflags --libs "$name" | sed 's/-lgkvae/-l:libgkvae.a/; s/-lgk\b/-l:libgk.a/')
        # shellcheck disable=SC2086
        "${compiler:-cc}" $flags $program.c -o "$program-static" $said > log 2>&1 || fail "pkg-config --static: $(cat log)"
        runs /nowhere "./$program-static"
    done
    unset PKG_CONFIG_PATH
}

# by_find_package PREFIX LIBDIR
by_find_package() {
    rm -rf user
    mkdir user
    cp fit.c model.c user
    cat > user/CMakeLists.txt << 'END'
cmake_minimum_required(VERSION 3.20)
project(user LANGUAGES C)
find_package(gkvae 0.1 REQUIRED COMPONENTS gk gk_static shared static)
foreach(program fit:gk model:gkvae)
  string(REPLACE ":" ";" program ${program})
  list(GET program 0 name)
  list(GET program 1 library)
  add_executable(${name}_shared ${name}.c)
  target_link_libraries(${name}_shared PRIVATE gkvae::${library})
  add_executable(${name}_static ${name}.c)
  target_link_libraries(${name}_static PRIVATE gkvae::${library}_static)
endforeach()
END
    cmake -S user -B user/build -DCMAKE_C_COMPILER="${compiler:-cc}" -DCMAKE_C_FLAGS="$flags" \
        -DCMAKE_PREFIX_PATH="$1" > log 2>&1 && cmake --build user/build >> log 2>&1 ||
        { fail "find_package: $(tail -n 20 log)"; return; }
    for program in fit model; do
        runs "$2" user/build/${program}_shared
        runs /nowhere user/build/${program}_static
    done
    sed -i 's/0\.1 REQUIRED/9.0 REQUIRED/' user/CMakeLists.txt
    expect 1 "version" cmake -S user -B user/build
}

# symbols LIBDIR: the libraries show users the functions gkv_* alone; libgk shows libgkvae a few more.
symbols() {
    for archive in libgk.a libgkvae.a; do
        nm -g --defined-only "$1/$archive" | awk 'NF == 3 { print $3 }' | grep -v '^gkv_' &&
            fail "$archive shows internal functions"
    done
    nm -D --defined-only "$1/libgkvae.so" | awk '$2 != "A" { print $3 }' | grep -v '^gkv_' && fail "libgkvae.so shows internal functions"
    nm -D --defined-only "$1/libgk.so" | awk '$2 != "A" { print $3 }' | grep -v '^gkv_.*@@GK_[0-9.]*$\|^gki_.*@@GK_PRIVATE_' &&
        fail "libgk.so shows internal functions that are not marked private"
    for library in "$1"/libgk*.so "$1"/libgk*.a; do
        readelf -sW "$library" | grep -w COM && fail "$library: a symbol without a place"
    done
    for library in gk gkvae; do
        nm -D --defined-only "$1/lib$library.so" | grep -q ' T gkv_' || fail "lib$library.so shows no functions"
    done
}

# The usual layout, with a configured prefix that differs from the prefix of the installation.
configure
prefix=$work/usual
installs "$prefix"
for file in bin/gkvae include/gkvae/table.h include/gkvae/libgk.h share/doc/gkvae/LICENSE share/gkvae/configs/mnist.ini; do
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
! command -v nm > /dev/null || [ -n "$sanitize" ] || symbols "$libdir"
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
