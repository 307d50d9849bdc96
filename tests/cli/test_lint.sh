# scripts/lint.sh and scripts/format.sh on a small source tree.
. "$2/tests/cli/lib.sh"
command -v git > /dev/null || { echo "skipped: no git"; exit 77; }
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
wide() { printf '/* %0*d */\n' "$1" 0; }

mkdir -p tree/scripts tree/src/a tree/src/b
cp "$source"/scripts/lint.sh "$source"/scripts/format.sh tree/scripts
cp "$source"/.clang-format tree
cd tree || exit 1
git init -q
echo 'int one;' > src/a/one.c
wide 114 > src/a/just.c
printf '/* %s */\n' "$(printf 'ü%.0s' {1..114})" > src/a/umlauts.c # columns, not bytes
scripts/lint.sh --update
expect 0 "was left out" scripts/lint.sh
grep -q '^twice\|^wide' scripts/lint-allow.txt && fail "the list is not empty: $(cat scripts/lint-allow.txt)"

cp src/a/one.c src/b/one.c
expect 1 "one.c: 2 files of src/ have this name; give the new one another: src/a/one.c src/b/one.c" scripts/lint.sh
expect 1 "may only shrink" scripts/lint.sh --update
rm src/b/one.c
{ echo; wide 115; } > src/b/two.c
expect 1 "src/b/two.c: 1 lines are wider than 120 columns (0 were): lines 2" scripts/lint.sh

# A file on the list is allowed to break a rule. More breaches fail, and so does an entry that is no longer needed.
echo 'wide src/b/two.c 1' >> scripts/lint-allow.txt
expect 0 "" scripts/lint.sh
wide 115 >> src/b/two.c
expect 1 "2 lines are wider than 120 columns (1 were): lines 2 3" scripts/lint.sh
echo > src/b/two.c
expect 1 '"wide src/b/two.c 1" is better now (0)' scripts/lint.sh
expect 0 "" scripts/lint.sh --update
expect 0 "" scripts/lint.sh

if command -v clang-tidy > /dev/null; then
    mkdir build
    printf '[{"directory": "%s", "file": "%s/src/a/one.c", "command": "cc -c src/a/one.c"}]\n' "$PWD" "$PWD" \
        > build/compile_commands.json
    cp "$source/.clang-tidy" .
    printf 'void f(int a);\nvoid f(int a)\n{\n    if (a);\n        a = 1;\n}\n' > src/a/one.c
    expect 1 "src/a/one.c:4:11: warning: potentially unintended semicolon" scripts/lint.sh
fi

# Only lines that changed are formatted.
if command -v clang-format > /dev/null; then
    printf 'int  as_it_was;\n\n\n\nint g(void)\n{\n    return 1;\n}\n' > src/a/one.c
    git add -A
    git -c user.name=test -c user.email=test@example.org commit -qm test
    sed -i 's/    return 1/  return   2/' src/a/one.c
    scripts/format.sh || fail "format.sh"
    grep -q '^    return 2;$' src/a/one.c || fail "a changed line was not formatted"
    grep -q '^int  as_it_was;$' src/a/one.c || fail "a line that did not change was formatted"
    scripts/format.sh --all || fail "format.sh --all"
    grep -q '^int as_it_was;$' src/a/one.c || fail "--all did not format"
fi
finish
