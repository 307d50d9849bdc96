# gkvae explore and gkvae export --explorer: the page, without a browser. make check-browser uses it in one.
. "$2/tests/cli/lib.sh"

expect 0 "" "$gkvae" train mixture.ini --out run --set train.epochs=1

expect 0 "60 test images and 400 training images: page.html" "$gkvae" export run --explorer page.html
head -c 15 page.html | grep -q '<!DOCTYPE html>' || fail "page.html does not begin as HTML"
grep -q "default-src 'none'" page.html || fail "the page has no policy"
grep -qE "unsafe-inline|unsafe-eval|https?://" page.html && fail "the page allows or names more than itself"

# The hashes of the policy are those of what is between the tags.
hash_of() { # TAG: the SHA-256 in base64 of the last element without attributes
    awk -v RS='\0' -v tag="$1" '{ start = "<" tag ">"; end = "</" tag ">"; text = $0
        while ((at = index(text, start)) > 0) text = substr(text, at + length(start))
        printf "%s", substr(text, 1, index(text, end) - 1) }' page.html | openssl dgst -sha256 -binary | base64
}
if command -v openssl > /dev/null; then
    for tag in style script; do
        grep -qF "$tag-src 'sha256-$(hash_of $tag)'" page.html || fail "the policy has another hash of <$tag>"
    done
fi

# Equal runs give equal pages.
expect 0 "" "$gkvae" export run --explorer again.html --threads 2
cmp -s page.html again.html || fail "the page depends on the number of threads"

# Without images no data set is needed.
grep -q '"test.images":' page.html || fail "the page has no images"
cp run/model.safetensors alone.safetensors
expect 5 "without-images leaves them out" "$gkvae" export run --explorer x.html --data-folder nowhere
expect 0 "0 test images and 0 training images: bare.html" "$gkvae" export alone.safetensors --explorer bare.html --without-images
[ "$(wc -c < bare.html)" -lt "$(wc -c < page.html)" ] || fail "a page without images is not smaller"
grep -q '"test.images":' bare.html && fail "a page without images has images"

# A name that would end the element of the description, or begin one.
cp -r run '<script><b>'
expect 0 "" "$gkvae" export '<script><b>' --explorer odd.html --without-images
! grep -q '<b>' odd.html || fail "the name of a run is not escaped"

expect 2 "in which format" "$gkvae" export run
expect 2 "give a name that ends in .html" "$gkvae" export run --explorer page.png
expect 2 "not to standard output" "$gkvae" export run --explorer -
expect 2 "needs itself" "$gkvae" export run --explorer run/config.ini
expect 2 "which model" "$gkvae" explore
expect 5 "nowhere" "$gkvae" export run --explorer nowhere/page.html --without-images
[ -e x.html ] && fail "a failure left a page behind"
# What the page would fail at is found before any other format is written.
expect 5 "without-images leaves them out" "$gkvae" export run --torch early.py --explorer x.html --data-folder nowhere
expect 5 "nowhere/page.html" "$gkvae" export run --torch early.py --explorer nowhere/page.html --without-images
expect 5 "nowhere/page.html" "$gkvae" explore run --no-open --out nowhere/page.html --without-images
[ -e early.py ] && fail "a format was written before another one was checked"
expect 2 "x.html and as y.html: choose one" "$gkvae" export run --explorer x.html --explorer=y.html

# explore writes into the run, and opens the page where there is a screen.
mkdir bin
printf '#!/bin/sh\necho "$1" > "%s/opened"\n' "$work" > bin/xdg-open
chmod +x bin/xdg-open
expect 0 "open it in a browser" env -u DISPLAY -u WAYLAND_DISPLAY PATH="$work/bin:$PATH" "$gkvae" explore run --without-images
[ -s run/explorer.html ] || fail "explore wrote no page into the run"
expect 0 "run/explorer.html" env DISPLAY=:9 PATH="$work/bin:$PATH" "$gkvae" explore run --no-open --without-images
[ -e opened ] && fail "explore --no-open opened the page"
expect 0 "run/explorer.html" env DISPLAY=:9 PATH="$work/bin:$PATH" "$gkvae" explore run --without-images
wait_for opened run/explorer.html || fail "explore did not open the page"
expect 0 "open it in a browser" env DISPLAY=:9 PATH="$work/nothing" "$gkvae" explore run --without-images --out other.html
[ -s other.html ] || fail "explore --out wrote no page"

# The results page links to it, and only if it is there.
expect 0 "" "$gkvae" eval run --samples 1 --set eval.images=20 --set eval.generation=none
grep -q 'href="explorer.html"' run/index.html || fail "the results page has no link to the explorer"
rm run/explorer.html
expect 0 "" "$gkvae" eval run --samples 1 --set eval.images=20 --set eval.generation=none
grep -q 'href="explorer.html"' run/index.html && fail "the results page links to a page that is not there"
finish
