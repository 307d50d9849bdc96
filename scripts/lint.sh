#!/usr/bin/env bash
# Checks of the sources that no compiler makes: of the files that git tracks (`git add -N` makes a new one
# such a file). Prints what is wrong and where; exits 1 if anything is.
#
#   scripts/lint.sh [--no-tidy] [BUILD]    default: build, whose compile_commands.json clang-tidy reads
#
#   - no two files of src/ have the same name
#   - no line of a C file is wider than 100 columns, and of a script or a CMake file 120
#   - no word of scripts/lint-words.txt is used
#   - the C files, and the scripts of the explorer, are as clang-format writes them (left out unless that version is
#     installed)
#   - clang-tidy, by .clang-tidy, finds nothing (left out with --no-tidy, or where it is not installed)
set -eu
cd "$(dirname "$0")/.."
git rev-parse --is-inside-work-tree > /dev/null 2>&1 || {
    echo "lint: this is not a git working tree; git lists the files to look at" >&2
    exit 2
}
format_version=14 # other versions break some lines elsewhere
tidy=yes
if [ "${1-}" = --no-tidy ]; then
    tidy=
    shift
fi
build=${1:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C.UTF-8 # columns are characters, not bytes
failed=0
finding() {
    echo "$*"
    failed=1
}
files() {
    git ls-files -- "$@" | sort -u | while read -r file; do
        [ ! -f "$file" ] || echo "$file"
    done
}

while read -r name places; do
    finding "$name: several files of src/ have this name: $places"
done < <(files 'src/*' | awk -F/ '{ n[$NF]++; where[$NF] = where[$NF] " " $0 }
    END { for (name in n) if (n[name] > 1) print name, where[name] }' | sort)

wide() { # COLUMNS FILE…: lines that are wider
    local columns=$1
    shift
    while IFS=: read -r file line _; do
        finding "$file:$line: wider than $columns columns"
    done < <(files "$@" | xargs -r grep -HnE "^.{$((columns + 1)),}" || true)
}
wide 100 '*.c' '*.h'
wide 120 'src/app/explorer/*.js' 'bindings/*.py' 'bench/*.sh' 'bench/*.py' 'scripts/*.sh' 'scripts/*.py' \
    '*.cmake' '*.cmake.in' CMakeLists.txt Makefile

outside='^(CHANGELOG\.md|scripts/lint-words\.txt|\.clang-tidy|tests/fixtures/.*|tests/fuzz/corpus/.*|docs/data/.*)$'
files | grep -vE "$outside" > "$work/all"
while IFS=$'\t' read -r words instead; do
    while read -r place; do
        finding "$place: use the standard term: $instead"
    done < <(xargs -r grep -HnoIwE "$words" < "$work/all" || true)
done < <(grep -v '^#' scripts/lint-words.txt)

if clang-format --version 2> /dev/null | grep -q "version $format_version\."; then
    while IFS=: read -r file line _; do
        finding "$file:$line: not as clang-format writes it: make format ALL=1"
    done < <(files '*.c' '*.h' 'src/app/explorer/*.js' | xargs -r clang-format --dry-run 2>&1 | grep 'warning:' |
        sort -t: -k1,1 -u || true)
else
    echo "lint: clang-format $format_version is not installed, and the format was left out"
fi

if [ -z "$tidy" ]; then
    :
elif ! command -v clang-tidy > /dev/null; then
    echo "lint: clang-tidy is not installed and was left out (make deps PACKAGES=clang-tidy)"
elif [ ! -e "$build/compile_commands.json" ]; then
    echo "lint: there is no $build/compile_commands.json and clang-tidy was left out (make first)"
else
    files 'src/*.c' | xargs -r -n 16 -P "$(nproc)" clang-tidy --quiet -p "$build" 2> "$work/tidy-errors" |
        grep -E '(warning|error): ' | sort -u > "$work/tidy" || true
    while read -r line; do
        finding "${line#"$PWD/"}"
    done < "$work/tidy"
fi
exit $failed
