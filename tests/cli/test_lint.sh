# scripts/lint.sh and scripts/format.sh on a small source tree.
. "$2/tests/cli/lib.sh"
command -v git > /dev/null || { echo "skipped: no git"; exit 77; }
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
wide() { printf '/* %0*d */\n' "$1" 0; }

mkdir -p tree/scripts tree/src/a tree/src/b
cp "$source"/scripts/lint.sh "$source"/scripts/lint-words.txt "$source"/scripts/format.sh tree/scripts
cp "$source"/.clang-format tree
cd tree || exit 1
git init -q
tracked() { git add -AN . && "$@"; } # lint looks at tracked files
echo 'int one;' > src/a/one.c
wide 94 > src/a/just.c
printf '/* %s */\n' "$(printf 'ü%.0s' {1..94})" > src/a/umlauts.c # columns, not bytes
expect 0 "was left out" tracked scripts/lint.sh

cp src/a/one.c src/b/one.c
expect 1 "one.c: several files of src/ have this name: src/a/one.c src/b/one.c" tracked scripts/lint.sh
rm src/b/one.c
{ echo "int two;"; wide 95; } > src/b/two.c
expect 1 "src/b/two.c:2: wider than 100 columns" tracked scripts/lint.sh
word=tal''ly # one of the list
echo "int $word;" > src/b/two.c
expect 1 "src/b/two.c:1:$word: use the standard term: sufficient statistics (stats)" tracked scripts/lint.sh
expect 1 "use the standard term" tracked scripts/lint.sh --no-tidy
rm src/b/two.c
expect 0 "" tracked scripts/lint.sh --no-tidy
if clang-format --version 2> /dev/null | grep -q "version 14\."; then
    echo 'int  two;' > src/b/two.c
    expect 1 "src/b/two.c:1: not as clang-format writes it" tracked scripts/lint.sh
    rm src/b/two.c
fi

if command -v clang-tidy > /dev/null; then
    mkdir build
    printf '[{"directory": "%s", "file": "%s/src/a/one.c", "command": "cc -c src/a/one.c"}]\n' "$PWD" "$PWD" \
        > build/compile_commands.json
    cp "$source/.clang-tidy" .
    printf 'void f(int a);\nvoid f(int a)\n{\n    if (a);\n        a = 1;\n}\n' > src/a/one.c
    expect 1 "src/a/one.c:4:11: warning: potentially unintended semicolon" tracked scripts/lint.sh
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
