#!/usr/bin/env bash
# Removes what scripts/install.sh installed last from a build: the files that its
# install_manifest.txt names, and folders of gkvae's own that are then empty.
#
#   scripts/uninstall.sh BUILD    with DESTDIR set, below that folder
set -eu
manifest=$1/install_manifest.txt
[ -f "$manifest" ] || {
    echo "uninstall: there is no $manifest: nothing was installed from $1" >&2
    exit 1
}

failed=0
removed=0
# The manifest's last line has no newline.
while read -r file || [ -n "$file" ]; do
    file=${DESTDIR:-}$file
    [ -e "$file" ] || [ -L "$file" ] || continue
    if rm -f -- "$file"; then
        removed=$((removed + 1))
    else
        failed=$((failed + 1))
    fi
    # From the file's folder up, as long as the folder is one of gkvae's own and empty.
    folder=$(dirname "$file")
    while [[ $folder == */gkvae || $folder == */gkvae/* ]] && rmdir -- "$folder" 2> /dev/null; do
        folder=$(dirname "$folder")
    done
done < "$manifest"
if [ "$failed" -gt 0 ]; then
    echo "uninstall: $failed files could not be removed; as root, perhaps: make uninstall" >&2
    exit 1
fi
echo "removed $removed files"
rm -f -- "$manifest"
