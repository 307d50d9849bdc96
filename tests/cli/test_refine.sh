# Refined inference: figures before and after, in the terminal, in metrics.json and on the page.
. "$2/tests/cli/lib.sh"

expect 0 "done" "$gkvae" train small.ini --out run
expect 0 "refined, lm:3:2" "$gkvae" eval run --samples 30 --images 120 --refine lm:3
for text in "effective samples" "accepted iterations" "milliseconds per image" "images improved"; do
    grep -q "$text" output || fail "eval --refine does not print: $text"
done
grep -q "evaluated 120 of 120 images" output || fail "no progress of the first round"
grep -q "refined 120 of 120 images" output || fail "no progress of the second round"
value() { json_number "$1/metrics.json" "$2"; }
for key in neg_elbo neg_elbo_se reconstruction reconstruction_se kl kl_se nll nll_se ess cross_entropy_before \
    cross_entropy mse psnr ssim iterations samples accepted images milliseconds; do
    [ -n "$(value run "refined_$key")" ] || fail "metrics.json has no refined_$key"
    [ "$(value run "refined_$key")" = null ] && fail "refined_$key is null"
done
is_true "$(value run refined_neg_elbo) < $(value run neg_elbo) - 0.5" ||
    fail "−ELBO: $(value run neg_elbo), refined $(value run refined_neg_elbo)"
is_true "$(value run refined_nll) <= $(value run refined_neg_elbo)" || fail "refined −log p(x) is above −ELBO"
is_true "$(value run refined_ess) > $(value run ess) && $(value run refined_ess) <= 30 && $(value run ess) >= 1" ||
    fail "effective samples: $(value run ess), refined $(value run refined_ess)"
is_true "$(value run refined_milliseconds) > 0 && $(value run refined_accepted) <= 3" || fail "milliseconds or accepted"
[ "$(value run refined_iterations)" = 3 ] && [ "$(value run refined_samples)" = 2 ] || fail "not lm:3:2"
grep -qF "Refined posteriors" run/index.html || fail "the page has no refined posteriors"

# The figures are the same on any number of threads. Those of the encoder are the same as without refinement.
cp -r run other
expect 0 "" "$gkvae" eval other --samples 30 --images 120 --refine lm:3:2 --threads 3 --no-pictures --quiet
for key in neg_elbo nll ess refined_neg_elbo refined_nll refined_ess refined_mse refined_accepted; do
    [ "$(value run $key)" = "$(value other $key)" ] || fail "$key is another on three threads"
done
expect 0 "" "$gkvae" eval other --samples 30 --images 120 --no-pictures --quiet
[ "$(value run neg_elbo)" = "$(value other neg_elbo)" ] || fail "−ELBO is another without --refine"
[ "$(value other refined_neg_elbo)" = null ] && [ "$(value other refined_samples)" = null ] ||
    fail "figures of a refinement that was not asked for"
grep -q "refined" output && fail "a table of a refinement that was not asked for"

# Without iterations none is accepted, and the encoder's posterior stays.
expect 0 "" "$gkvae" eval other --samples 30 --images 60 --refine lm:0 --no-pictures --quiet
is_true "($(value other refined_neg_elbo) - $(value other neg_elbo))^2 < 1e-4" ||
    fail "lm:0 moves −ELBO from $(value other neg_elbo) to $(value other refined_neg_elbo)"
[ "$(value other refined_images)" = 0 ] || fail "lm:0 improves images"

# Reconstructions.
expect 0 "40 images: reconstructions.png" "$gkvae" reconstruct run --refine lm:6
grep -q "code, lm:6, prior 0.5" output && grep -q "at the code" output || fail "no table of refined codes"
is_png reconstructions.png || fail "reconstructions.png is not a PNG"
lower() { # LINE: the figure after is below the one before, in the line that begins so
    awk -v line="$1" 'index($0, line) == 1 { found = 1; rest = substr($0, length(line) + 1); split(rest, f, " ")
        ok = f[2] < f[1] } END { exit !(found && ok) }' output || fail "not lower: $1: $(cat output)"
}
lower "−log p(x|z) at the code"
expect 0 "prior 1" "$gkvae" reconstruct run/model.safetensors --refine lm:4 --prior-weight 1 --no-picture \
    -f "$source/tests/fixtures" --set data.dataset=mnist-small -n 25
expect 0 "mean, lm:2:4" "$gkvae" reconstruct run --refine lm:2:4 --mean -n 12 --out mean.png
is_png mean.png || fail "mean.png is not a PNG"
grep -q "12 images: mean.png" output || fail "reconstruct does not name its picture"

# Grey targets have no likelihood, but codes can be refined.
expect 0 "done" "$gkvae" train small.ini --out grey --epochs 1 --set data.binarization=grey --set data.validation=0
expect 0 "cross-entropy" "$gkvae" eval grey --samples 4 --images 50 --refine lm:2 --no-pictures --quiet
grep -q "^−log p" output && fail "grey images have a likelihood: $(cat output)"
[ "$(value grey refined_nll)" = null ] || fail "grey images have a refined likelihood"
is_true "$(value grey refined_neg_elbo) < $(value grey neg_elbo)" || fail "grey: −ELBO is not lower"
expect 0 "at the code" "$gkvae" reconstruct grey --refine lm:3 --no-picture

for wrong in lm lm: lm:x 3 map:3 lm:3: lm:3:2:1 lm:3x lm:-1 "lm: 3"; do
    expect 2 "lm:T" "$gkvae" eval run --refine "$wrong"
done
expect 2 "must be even" "$gkvae" eval run --refine lm:3:5
expect 2 "whole number" "$gkvae" eval run --refine lm:1001
expect 2 "whole number" "$gkvae" eval run --refine lm:3:0
expect 2 "need --refine" "$gkvae" reconstruct run --mean
expect 2 "need --refine" "$gkvae" reconstruct run --no-picture
expect 2 "choose one" "$gkvae" reconstruct run --refine lm:3 --no-picture --out none.png
expect 2 "choose one" "$gkvae" reconstruct run --refine lm:3 --mean --prior-weight 1
expect 2 "samples need --mean" "$gkvae" reconstruct run --refine lm:3:2
expect 2 "must be a number" "$gkvae" reconstruct run --refine lm:3 --prior-weight 2
finish
