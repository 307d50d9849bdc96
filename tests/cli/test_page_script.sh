# The script of the results page in Chromium, where it is installed: the policy lets it run, the curves are drawn, a
# number can be read, and nothing is reported as an error.
. "$2/tests/cli/lib.sh"

# Pictures of the epochs: one at each checkpoint, those of an older run removed, and the same after a pause.
expect 0 "done" "$gkvae" train small.ini --out run --epochs 3 --epoch-pictures
[ "$(ls run/epochs | tr '\n' ' ')" = "000001.png 000002.png 000003.png " ] || fail "epochs has $(ls run/epochs)"
is_png run/epochs/000003.png || fail "no picture of epoch 3"
cmp -s run/epochs/000001.png run/epochs/000003.png && fail "the model did not change"
expect 0 "done" "$gkvae" train small.ini --out run --epochs 2 --overwrite --epoch-pictures --set train.seed=2
[ "$(ls run/epochs | wc -l)" -eq 2 ] || fail "pictures of an older run stay: $(ls run/epochs)"
cp -r run/epochs two
expect 0 "done" "$gkvae" train --resume --out run --epochs 3 --epoch-pictures
[ "$(ls run/epochs | wc -l)" -eq 3 ] || fail "the third epoch has no picture: $(ls run/epochs)"
cmp two/000002.png run/epochs/000002.png || fail "a resumed run changes pictures"
expect 0 "done" "$gkvae" train small.ini --out plain --epochs 2
[ -e plain/epochs ] && fail "pictures that nobody wished"
expect 0 "the results page" "$gkvae" eval run --samples 1 --images 50
[ "$(grep -o 'class="frame"' run/index.html | wc -l)" -eq 3 ] || fail "the page has not three pictures of epochs"
grep -qi '>nan\|nan<\| nan ' run/index.html && fail "the page says nan"

browser=$(command -v chromium || command -v chromium-browser) || {
    [ "$failures" -eq 0 ] && echo "skipped: no chromium" && exit 77
    finish
}

# What a browser makes of the page, and what it reports.
open_page() {
    timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --user-data-dir="$work/browser" \
        --virtual-time-budget=4000 --enable-logging=stderr --dump-dom "file://$work/$1" > dom 2> browser.log
}
open_page run/index.html || { echo "skipped: $browser does not run here"; exit 77; }
grep -q "CONSOLE" browser.log && fail "the browser reports: $(grep CONSOLE browser.log | head -n 3)"
[ "$(grep -o '<svg[^>]*class="live"' dom | wc -l)" -eq 2 ] || fail "not two charts"
[ "$(grep -o 'class="lively"' dom | wc -l)" -eq 3 ] || fail "not three figures with a script"
[ "$(grep -o 'class="frame shown"' dom | wc -l)" -eq 1 ] || fail "not one picture of an epoch"
grep -q '<output>epoch 3</output>' dom || fail "the slider does not say its epoch"
grep -qE '<output>epoch 3 · training [0-9.]+ · validation [0-9.]+</output>' dom || fail "no numbers of the last epoch"
sed '/<script>/,/<.script>/d' dom | grep -qi '>nan\|nan<\| nan \|undefined' && fail "the script writes nan or undefined"

# A changed script does not run.
sed 's/"use strict"/"use  strict"/' run/index.html > changed.html
open_page changed.html
grep -q 'class="lively"' dom && fail "a changed script ran"
grep -q "Content Security Policy" browser.log || fail "the policy was not enforced"
finish
