#!/usr/bin/env bash
# Installs a build, and says so if the dynamic loader will not find the library.
#
#   scripts/install.sh BUILD PREFIX    with DESTDIR set, below that folder
set -eu
build=$1
prefix=$(realpath -m "$2")

cmake --install "$build" --prefix "$prefix" > "$build/install.log" 2>&1 || {
    cat "$build/install.log" >&2
    exit 1
}
library=$(grep '/libgkvae\.so[^/]*$' "$build/install_manifest.txt" | tail -n 1)
folder=$(dirname "$library")
# The last line has no newline.
echo "installed $(grep -c '' "$build/install_manifest.txt") files in ${DESTDIR:-}$prefix; make uninstall removes them"

# A staged copy is not for this machine's loader.
[ -z "${DESTDIR:-}" ] || exit 0
PATH=$PATH:/sbin:/usr/sbin
command -v ldconfig > /dev/null || exit 0
in_path() {
    ldconfig -NXv 2> /dev/null | sed -n 's/^\(\/[^:]*\):.*/\1/p' | xargs -r realpath -mq |
        grep -qxF "$(realpath -m "$1")"
}
if ! in_path "$folder"; then
    echo "$folder is not in the loader's path. For programs that use the library set" \
        "LD_LIBRARY_PATH=$folder, or as root: echo $folder > /etc/ld.so.conf.d/gkvae.conf && ldconfig"
elif ! ldconfig -p | grep -qF "=> $folder/libgkvae.so"; then
    echo "for programs that use the library, as root: ldconfig"
fi
