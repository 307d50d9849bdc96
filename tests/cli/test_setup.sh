# scripts/setup.sh on a machine without packages: --check prints the missing packages and the commands
# that install them, and installs nothing; without --check apt-get installs exactly these. The test
# replaces all programs. Also make help, which must list every target for users.
. "$2/tests/cli/lib.sh"

mkdir tools
put_tool() {
    printf '#!/bin/sh\n%s\n' "$2" > "tools/$1"
    chmod +x "tools/$1"
}
put_tool pkg-config 'exit 1'
put_tool cc 'exit 1'
put_tool id 'echo 0'
put_tool dpkg-query "echo 'installed gcc'; echo 'installed make'; echo 'not-installed libsleef-dev'; exit 1"
put_tool apt-get "echo \"\$*\" >> $work/asked"
setup() { PATH=$work/tools:$PATH bash "$source/scripts/setup.sh" "$@"; }

expect 1 "setup: missing packages: " setup --check
for package in libopenblas-openmp-dev libsleef-dev libcairo2-dev libmd-dev libpng-dev libcmocka-dev; do
    grep -q "missing packages:.* $package" output || fail "--check does not miss $package"
done
grep -q "python3\|missing packages:.* gcc" output && fail "--check misses what the build does not need: $(cat output)"
grep -q "make deps\$" output || fail "--check does not name make deps"
grep -q "apt-get install --no-install-recommends libopenblas" output || fail "--check does not name apt-get's command"
expect 1 'make deps PACKAGES="no-such-package"' setup --check no-such-package
[ -e asked ] && fail "--check called apt-get: $(cat asked)"

expect 0 "setup: installing " setup no-such-package
grep -q "install -y --no-install-recommends .*libsleef-dev.* no-such-package" asked ||
    fail "apt-get was not asked: $(cat asked)"
grep -q "npm" asked && fail "npm is nobody's business here"

# A folder with the name of a module is not the module.
for module in build tqdm hypothesis sklearn; do
    (cd / && /usr/bin/python3 -c "import $module") 2> /dev/null && continue
    mkdir "$module"
    expect 1 "missing packages: .*python3-$module" setup --check "python3-$module"
done

# If nothing is missing, nothing is printed.
put_tool pkg-config 'exit 0'
put_tool cc 'exit 0'
put_tool cmake 'exit 0'
rm asked
expect 0 "" setup --check
[ -s output ] && fail "--check speaks with nothing missing: $(cat output)"
[ -e asked ] && fail "--check called apt-get: $(cat asked)"

if command -v make > /dev/null; then
    expect 0 "make deps" make -C "$source" help
    sed -n 's/^  make \([a-z-]*\) .*/\1/p' output | sort > listed
    sed -n 's/^\([a-z-]*\):.*/\1/p' "$source/Makefile" | grep -vx 'all\|configure' | sort > targets
    cmp -s listed targets || fail "make help and the targets differ: $(diff listed targets)"
fi
finish
