#!/usr/bin/env bash
# Checks of the source that no compiler makes. Prints what is wrong and where; exits 1 if anything is.
#
#   scripts/lint.sh [--update] [BUILD]    default: build, whose compile_commands.json clang-tidy reads
#
#   - no two files of src/ have one name
#   - no line is wider than 120 columns
#   - clang-tidy, by .clang-tidy, has nothing to say (left out where it is not installed)
#
# What was so when these rules were made is in scripts/lint-allow.txt, which may only shrink: a line of
# it that is needed no longer is a finding too. --update writes that list anew from what is there, after
# files were renamed or repaired, and refuses if its sum grew.
set -eu
cd "$(dirname "$0")/.."
git rev-parse --is-inside-work-tree > /dev/null 2>&1 || {
    echo "lint: this is no git working tree; git lists the files to look at" >&2
    exit 2
}
update=
if [ "${1-}" = --update ]; then
    update=yes
    shift
fi
build=${1:-build}
allow=scripts/lint-allow.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
files() {
    git ls-files --cached --others --exclude-standard -- "$@" | sort -u | while read -r file; do
        [ ! -f "$file" ] || echo "$file"
    done
}

# "twice NAME HOW-OFTEN" and "wide FILE LINES", and where that is, in places.
files 'src/*' | awk -F/ '{ n[$NF]++; where[$NF] = where[$NF] " " $0 }
    END { for (name in n) if (n[name] > 1) print name, n[name], where[name] }' | sort > "$work/twice"
files '*.c' '*.h' '*.inc' '*.sh' '*.py' '*.cmake' '*.cmake.in' CMakeLists.txt Makefile > "$work/files"
# The locale makes columns of characters, not bytes.
xargs -r env LC_ALL=C.UTF-8 grep -HnE '^.{121,}' < "$work/files" | cut -d: -f1,2 > "$work/wide-places" || true
{
    awk '{ print "twice", $1, $2 }' "$work/twice"
    cut -d: -f1 "$work/wide-places" | sort | uniq -c | awk '{ print "wide", $2, $1 }'
} > "$work/found"
sum() { awk '!/^#/ { s += $3 } END { print s + 0 }' "$@"; }

if [ -n "$update" ]; then
    if [ -e "$allow" ] && [ "$(sum "$work/found")" -gt "$(sum "$allow")" ]; then
        echo "lint: $allow may only shrink: its sum is $(sum "$allow"), and there are $(sum "$work/found") now" >&2
        exit 1
    fi
    {
        echo "# What scripts/lint.sh allows because it was so before; may only shrink. twice: a name in src/ and how"
        echo "# many files have it; wide: a file and how many of its lines are wider than 120 columns."
        cat "$work/found"
    } > "$work/allow"
    cp "$work/allow" "$allow"
    exit 0
fi

failed=0
finding() {
    echo "$*"
    failed=1
}
# Each kind and name with what is allowed and what is found, if these differ.
awk '!/^#/ { key = $1 " " $2; names[key] = 1; if (FILENAME == ARGV[1]) allowed[key] = $3; else found[key] = $3 }
    END { for (key in names) if (allowed[key] + 0 != found[key] + 0) print key, allowed[key] + 0, found[key] + 0 }' \
    "$allow" "$work/found" | sort > "$work/differences"
while read -r kind name allowed found; do
    if [ "$found" -lt "$allowed" ]; then
        finding "$allow: \"$kind $name $allowed\" is better now ($found): scripts/lint.sh --update takes it off"
    elif [ "$kind" = twice ]; then
        places=$(awk -v name="$name" '$1 == name { $1 = $2 = ""; sub(/^ */, ""); print }' "$work/twice")
        finding "$name: $found files of src/ have this name; give the new one another: $places"
    else
        places=$(grep "^$name:" "$work/wide-places" | cut -d: -f2 | tr '\n' ' ')
        finding "$name: $found lines are wider than 120 columns ($allowed were): lines $places"
    fi
done < "$work/differences"

if ! command -v clang-tidy > /dev/null; then
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
