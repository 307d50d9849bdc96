#!/usr/bin/env bash
# clang-format, by .clang-format, on C sources and headers and on the scripts of the explorer.
#
#   scripts/format.sh [REVISION]    the lines that differ from that revision (default: HEAD), and new files
#   scripts/format.sh --all         every file whole
set -eu
cd "$(dirname "$0")/.."
command -v clang-format > /dev/null || {
    echo "format: there is no clang-format: make deps PACKAGES=clang-format" >&2
    exit 1
}
sources=('*.c' '*.h' 'src/app/explorer/*.js')

if [ "${1-}" = --all ]; then
    git ls-files -z -- "${sources[@]}" | xargs -0r clang-format -i
    exit 0
fi
since=${1:-HEAD}
git rev-parse -q --verify "$since^{commit}" > /dev/null || {
    echo "format: $since is not a revision" >&2
    exit 2
}
git ls-files -z --others --exclude-standard -- "${sources[@]}" | xargs -0r clang-format -i
# A hunk's head is "@@ -a,b +start,count @@"; no count is one line, 0 are none.
git diff --name-only --diff-filter=d "$since" -- "${sources[@]}" | while read -r file; do
    mapfile -t lines < <(git diff -U0 "$since" -- "$file" |
        sed -n 's/^@@ -[0-9,]* +\([0-9]*\),\{0,1\}\([0-9]*\) @@.*/\1 \2/p' |
        awk '$2 != "0" { print "--lines=" $1 ":" $1 + ($2 == "" ? 1 : $2) - 1 }')
    [ "${#lines[@]}" -eq 0 ] || clang-format -i "${lines[@]}" "$file"
done
