# The script of the results page in Chromium, where it is installed: the policy lets it run, the curves are drawn, a
# number can be read, and nothing is reported as an error.
. "$2/tests/cli/lib.sh"
browser=$(command -v chromium || command -v chromium-browser) || { echo "skipped: no chromium"; exit 77; }

expect 0 "done" "$gkvae" train small.ini --out run --epochs 3
expect 0 "the results page" "$gkvae" eval run --samples 1 --images 50
grep -qi '>nan\|nan<\| nan ' run/index.html && fail "the page says nan"

# What a browser makes of the page, and what it reports.
open_page() {
    timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --user-data-dir="$work/browser" \
        --virtual-time-budget=4000 --enable-logging=stderr --dump-dom "file://$work/$1" > dom 2> browser.log
}
open_page run/index.html || { echo "skipped: $browser does not run here"; exit 77; }
grep -q "CONSOLE" browser.log && fail "the browser reports: $(grep CONSOLE browser.log | head -n 3)"
[ "$(grep -o '<svg[^>]*class="live"' dom | wc -l)" -eq 2 ] || fail "not two charts"
[ "$(grep -o 'class="lively"' dom | wc -l)" -eq 2 ] || fail "not two figures with a script"
grep -qE '<output>epoch 3 · training [0-9.]+ · validation [0-9.]+</output>' dom || fail "no numbers of the last epoch"
sed '/<script>/,/<.script>/d' dom | grep -qi '>nan\|nan<\| nan \|undefined' && fail "the script writes nan or undefined"

# A changed script does not run.
sed 's/"use strict"/"use  strict"/' run/index.html > changed.html
open_page changed.html
grep -q 'class="lively"' dom && fail "a changed script ran"
grep -q "Content Security Policy" browser.log || fail "the policy was not enforced"
finish
