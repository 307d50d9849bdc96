# gkvae compare: tables of figures, whose arithmetic is repeated here, and plans, which continue where they stopped.
. "$2/tests/cli/lib.sh"
command -v python3 > /dev/null || exit 77

# --- Synthetic runs: a configuration and figures -------------------------------------------------
expect 0 "done" "$gkvae" train small.ini --out made --epochs 1
# run NAME SEED KL-WEIGHT KEY=VALUE…: makes a run with this seed, setting and figures.
run() {
    local name=$1 seed=$2 weight=$3
    shift 3
    mkdir -p "$name"
    : > "$name/history.jsonl"
    sed "s/^seed = 1\$/seed = $seed/; s/^kl_weight = .*/kl_weight = $weight/" made/config.ini > "$name/config.ini"
    python3 - "$name/metrics.json" "$seed" "$@" << 'PY'
import json, sys
figures = {"protocol": "by hand", "dataset": "none", "refined_nll": None, "seed": int(sys.argv[2])}
for word in sys.argv[3:]:
    key, _, value = word.partition("=")
    figures[key] = value if "protocol" in key or key == "dataset" else None if value == "null" else float(value)
json.dump(figures, open(sys.argv[1], "w"))
PY
}
run runs/a-1 1 1 nll=84.25 nll_se=0.2 neg_elbo=87 frechet_lenet=3.5 frechet_lenet_se=0.1 precision=0.9 train_seconds=100
run runs/a-2 2 1 nll=84.5 nll_se=0.2 neg_elbo=87.25 frechet_lenet=3.25 frechet_lenet_se=0.1 precision=0.8 train_seconds=110
run runs/a-10 10 1 nll=84 nll_se=0.2 neg_elbo=87 frechet_lenet=3.75 frechet_lenet_se=0.1 precision=0.85 train_seconds=120
run runs/b-1 1 0.5 nll=83.5 nll_se=0.2 neg_elbo=86
run runs/b-2 2 0.5 nll=84 nll_se=0.2 neg_elbo=86.5
run runs/b-5 5 0.5 nll=83 nll_se=0.2 neg_elbo=86
run runs/c-7 7 0.25 nll=85 nll_se=0.21 neg_elbo=88
run runs/d-2 2 0.125 nll=80 nll_se=0.25 neg_elbo=82
expect 0 "by hand" "$gkvae" compare runs/a-1 runs/a-2 runs/a-10 runs/b-1 runs/b-2 runs/b-5 runs/c-7 runs/d-2/ --out table
# row NAME TEXT: the row of the last table that begins with NAME contains the text.
row() {
    grep "^$1 " output | tr -s ' ' | grep -qF -e "$2" || fail "the row of $1 has no \"$2\": $(cat output)"
}
row a "3 seeds 87.08 ± 0.08 84.25 ± 0.14 3.50 ± 0.14 110 ± 6"
row b "3 seeds 86.17 ± 0.17 83.50 ± 0.29 – – −0.62 ± 0.12 (2 shared)"
row c-7 "seed 7 88.00 85.00 ± 0.21 – – 0.75 (unpaired)"
row d-2 "seed 2 82.00 80.00 ± 0.25 – – −4.50 (1 shared)"
grep -q "less a's" output || fail "the caption does not name the reference: $(cat output)"
for picture in difference nll frechet_lenet; do is_png table/$picture.png || fail "no picture $picture.png"; done
grep -q "Side by side" table/index.html || fail "no table on the page"
python3 - << 'PY' || fail "the files of a comparison"
import csv, json, math
def error(values):
    mean = sum(values) / len(values)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values))
def close(x, y):
    assert abs(x - y) < 1e-9, (x, y)
lines = list(csv.DictReader(open("table/compare.csv")))
assert [line["model"] for line in lines] == ["a"] * 3 + ["b"] * 3 + ["c-7", "d-2"], lines
assert lines[2]["seed"] == "10" and lines[2]["folder"] == "runs/a-10" and float(lines[2]["nll"]) == 84
assert lines[3]["frechet_lenet"] == "" and "precision" in lines[0] and "frechet_lenet_se" in lines[0]
table = json.load(open("table/compare.json"))
rows = {row["model"]: row for row in table["rows"]}
assert table["against"] == "a" and table["protocol"] == "by hand" and rows["a"]["seeds"] == [1, 2, 10]
close(rows["a"]["figures"]["nll"]["standard_error"], error([84.25, 84.5, 84]))
assert rows["d-2"]["figures"]["nll"] == {"mean": 80, "standard_error": 0.25, "error_over": "images"}
paired = rows["b"]["differences"]["nll"]
assert paired["pairs"] == 2
close(paired["mean"], (-0.75 - 0.5) / 2)
close(paired["standard_error"], error([-0.75, -0.5]))
assert rows["c-7"]["differences"]["nll"] == {"mean": 0.75, "standard_error": None, "pairs": 0}
assert rows["d-2"]["figures"]["precision"] == {"mean": None, "standard_error": None, "error_over": "sets"}
assert rows["b"]["differences"]["frechet_lenet"]["mean"] is None and not rows["a"]["differences"]
PY
# Two models with two seeds each, none in common: the difference has the errors of both means. Then another reference
# and other columns.
expect 0 "precision less a's" "$gkvae" compare runs/b-1 runs/a-2 runs/a-10 runs/b-5 --against runs/a-10 --metrics precision,nll
expect 0 "b" "$gkvae" compare runs/a-2 runs/a-10 runs/b-1 runs/b-5
row b "−1.00 ± 0.35 (unpaired)"
# Runs with equal settings and equal seeds have separate rows.
cp -r runs/a-1 runs/again
expect 0 "again" "$gkvae" compare runs/a-1 runs/again
row again "seed 1"
expect 0 "± the standard error over images, or for figures of draws over sets of draws" "$gkvae" compare runs/a-1

# The page of a run folder is not overwritten. Folders may have any names, and figures any size.
echo "a page" > runs/a-1/index.html
expect 4 "runs/a-1/: this is a run's folder" "$gkvae" compare runs/a-2 runs/b-1 --out runs/a-1/
grep -q "a page" runs/a-1/index.html && [ ! -e runs/a-1/compare.json ] || fail "a comparison over a run"
latin=$(printf 'runs/\344')
run "$latin" 1 0.5 nll=123456789012345678901234567890 nll_se=1e300 "protocol=by hand"
expect 0 "1.23457e+29 ± 1e+300" "$gkvae" compare "$latin" runs/a-1 --out latin
python3 -c 'import json; r = json.load(open("latin/compare.json"))["rows"][0]; assert r["model"] == "?" and r["folders"] == ["runs/?"], r' ||
    fail "a folder whose name is not UTF-8"
# A picture shows at most 500 rows, and reports this limit.
expect 0 "many/index.html" "$gkvae" compare $(yes runs/again | head -n 501) --metrics nll --out many
grep -q "The first 500 of 501 models" many/index.html || fail "rows are missing in a picture without a word"

run foreign/p 1 1 nll=1 "protocol=by foot"
expect 4 "their protocols differ" "$gkvae" compare runs/a-1 foreign/p
grep -q "runs/a-1: by hand" output && grep -q "foreign/p: by foot" output ||
    fail "the message does not name the protocols: $(cat output)"
run foreign/g 1 1 nll=1 generation_protocol=more
run foreign/h 1 1 nll=1 generation_protocol=less
expect 4 "their protocols of draws differ" "$gkvae" compare runs/a-1 foreign/g foreign/h
expect 0 "draws: more" "$gkvae" compare runs/a-1 foreign/g
run foreign/d 1 1 nll=1 dataset=others
expect 4 "their data sets differ" "$gkvae" compare runs/a-1 foreign/d
run foreign/r 1 1 nll=1 refined_nll=1 refined_iterations=3 refined_samples=2
run foreign/s 2 1 nll=1 refined_nll=1 refined_iterations=6 refined_samples=2
expect 4 "lm:6:2" "$gkvae" compare foreign/r foreign/s
expect 4 "eval made" "$gkvae" compare made
expect 4 "not a run" "$gkvae" compare runs/a-1 nowhere
echo "[1]" > foreign/p/metrics.json
expect 3 "no JSON object" "$gkvae" compare foreign/p
expect 2 'the nearest is "nll"' "$gkvae" compare runs/a-1 --metrics nlll
expect 4 "no run has" "$gkvae" compare runs/a-1 --metrics kid_lenet
expect 2 "none of the runs" "$gkvae" compare runs/a-1 runs/b-1 --against runs/x
expect 2 "which runs" "$gkvae" compare
expect 2 "of a plan" "$gkvae" compare runs/a-1 --seeds 1-2
expect 2 "makes its own runs" "$gkvae" compare runs/a-1 --plan x.ini

# --- Plans -----------------------------------------------------------------------------------------------
configuration 'block = silu
prior_flow = none
base = normal
base_fit = fixed' 'gradient = total
weight_decay = 0
ema = 0' > plain.ini
mkdir plans
cat > plans/try.ini << 'END'
; a plan
[plan]
config = ../plain.ini
seeds = 1-2
against = plain
eval = --samples 2 --images 50
eval.train = --of train --samples 2 --images 40
[all]
train.epochs = 2
[model plain]
[model wide-{model.latent}]     ; a list in the name
model.latent = 7 8
[model {from}-{fit.base}]
from = plain
fit.base = gk-mixture
fit.components = 2
END
# steps RUNS COUNT: the plan has this number of runs and needs this number of steps.
steps() {
    expect 0 "try: $1 runs, $2 steps to do" "$gkvae" compare --plan plans/try.ini --out out
}
steps 8 24
row plain-gk-mixture "2 seeds"
grep -q "less plain's" output || fail "the plan's reference: $(cat output)"
row wide-8 "2 seeds"
is_true "$(python3 -c 'import json; print({r["model"]: r for r in json.load(open("out/compare.json"))["rows"]}["plain-gk-mixture"]["differences"]["nll"]["mean"])') < 0" ||
    fail "a fitted base is worth nothing: $(cat output)"
grep -q "^base = gk-mixture" out/plain-gk-mixture-2/config.ini || fail "no fitted base"
for page in out out/of.train; do
    grep -q "a list in the name" $page/index.html || fail "no plan on the page $page/index.html"
    [ "$(wc -l < $page/compare.csv)" -eq 9 ] || fail "$page/compare.csv: $(cat $page/compare.csv)"
done
grep "mnist-small" output > protocols.first
steps 8 0

# Only steps whose model or figures change are repeated.
sed -i 's/^threads = .*/threads = 2/; s/^folder = .*/folder = elsewhere/' out/wide-7-1/config.ini
steps 8 0
sed -i "s|^folder = .*|folder = $source/tests/fixtures|" out/wide-7-1/config.ini
sed -i 's/^eval.train = .*/eval.train = --of train --samples 3 --images 40/' plans/try.ini
steps 8 8
sed -i 's/^model.latent = 7 8/model.latent = 7 8\nmodel.hidden = 30/' plans/try.ini
steps 8 12
grep -q "model.hidden was 32, but the plan sets 30" output || fail "the changed setting is not reported: $(cat output)"
sed -i 's/^fit.components = 2/fit.components = 3/' plans/try.ini
steps 8 6
expect 0 "active units" "$gkvae" eval out/plain-1 --samples 1 --images 50 --no-pictures # figures that are not the plan's
steps 8 1
rm out/plain-2/metrics.json
expect 0 "try: 3 of 4 runs are there" "$gkvae" compare --plan plans/try.ini --out out --only plain,wide-7 --table
expect 0 "try: 2 runs, 0 steps" "$gkvae" compare --plan plans/try.ini --out out --only plain-gk-mixture --seeds 1 --metrics mse
row plain-gk-mixture "seed 1"
steps 8 1
grep "mnist-small" output | sed 's/; 3 importance/; 2 importance/' | cmp -s - protocols.first || fail "other protocols than at first: $(cat output)"

# A changed setting of [eval], or another network in the same file, repeats the evaluation.
cp plain.ini marks-config.ini
printf '[plan]\nconfig = marks-config.ini\neval = --images 20 --no-generation\n[all]\ntrain.epochs = 1\n[model a]\n' > marks.ini
marks() {
    expect 0 "marks: 1 runs, $1 steps to do" "$gkvae" compare --plan marks.ini --out marked
}
marks 2
cp "$source/features/mnist.safetensors" net.safetensors
for setting in 'draw_sets = 1' 'draws = 40' 'temperature = 0.5' 'features = ./net.safetensors'; do
    echo "$setting" >> marks-config.ini
    marks 1
done
cp "$source/features/fashion-mnist.safetensors" net.safetensors
marks 1
marks 0
# A name that is not UTF-8, as JSON must be, is recorded too.
odd=$(printf 'net-\377.safetensors')
cp net.safetensors "$odd"
sed -i "s|^features = .*|features = ./$odd|" marks-config.ini
marks 1
marks 0

# A plan that is stopped in the middle of training continues to the same model.
cat > long.ini << 'END'
[plan]
config = plain.ini
eval = --samples 1 --images 20
[all]
train.epochs = 40
[model long]
END
"$gkvae" compare --plan long.ini --out stopped > lines 2> messages &
process=$!
wait_for stopped/long-1.log "epoch  3/40" || fail "no third epoch within 20 s: $(cat messages)"
kill -s INT $process
code=0
wait $process || code=$?
[ $code -eq 130 ] || fail "a plan that was stopped: exit code $code"
grep -q "compare --plan long.ini --out stopped" messages ||
    fail "the command to continue is not printed: $(cat messages)"
if command -v flock > /dev/null; then
    expect 7 "long-1: training failed with exit code 7, see stopped/long-1.log" \
        flock stopped/long-1/lock "$gkvae" compare --plan long.ini --out stopped
fi
expect 0 "long: 1 runs, 2 steps" "$gkvae" compare --plan long.ini --out stopped
grep -q "^\$ .*train --resume" stopped/long-1.log || fail "it was begun anew: $(cat stopped/long-1.log)"
expect 0 "done" "$gkvae" train plain.ini --epochs 40 --out whole
cmp stopped/long-1/model.safetensors whole/model.safetensors || fail "a plan that was stopped makes another model"

# If the plan is killed, its step also ends, and its run is saved.
"$gkvae" compare --plan long.ini --out killed > lines 2> messages &
process=$!
wait_for killed/long-1.log "epoch  3/40" || fail "no third epoch within 20 s: $(cat messages)"
kill -s KILL $process
{ wait $process; } 2> /dev/null
i=0
until "$gkvae" train --resume --out killed/long-1 --quiet --epochs 40 2> messages || [ $((i += 1)) -gt 100 ]; do
    grep -q "in use" messages || break
    sleep 0.1
done
cmp killed/long-1/model.safetensors whole/model.safetensors || fail "a step outlived its plan: $(cat messages)"

# If a run fails, the others continue.
cat > fails.ini << 'END'
[plan]
config = plain.ini
eval = --samples 1 --images 20
[model bad]
data.validation = 5000
[model of-bad]
from = bad
fit.base = gk
[model good]
train.epochs = 1
END
expect 4 "bad-1: training failed with exit code 4, see fails/bad-1.log" "$gkvae" compare --plan fails.ini --out fails
grep -q "data.validation" output || fail "the reason of the failure is not printed: $(cat output)"
row good "seed 1"
[ -s fails/bad-1.log ] && [ ! -e fails/of-bad-1 ] || fail "what is left of a run that failed"

# Errors in a plan are found before any training.
# refused LINES TEXT: a plan with these lines fails with this message.
refused() {
    printf '[plan]\nconfig = plain.ini\n%b' "$1" > slip.ini
    expect 4 "$2" "$gkvae" compare --plan slip.ini --out slips
}
refused '[model a]\nmodel.latnet = 3\n' 'slip.ini:4: unknown key "model.latnet"; the nearest is "model.latent"'
refused '[model a]\nmodel.latent = x\n' 'slip.ini:4: model.latent = x: must be'
refused '[all]\ntrain.seed = 3\n[model a]\n' 'slip.ini:4: train.seed: set it for all models in [plan]'
refused '[model a]\neval.samples = 3\n' 'eval = --samples'
refused '[model a]\nmodel.base = gk-mixture\n' '[model a]: settings: model.base_fit = fixed'
refused 'eval = --smaples 3\n[model a]\n' 'slip.ini:3: eval: unknown option --smaples; the nearest is --samples'
refused 'eval.x = --samples lots\n[model a]\n' 'slip.ini:3: eval.x: --samples: eval.samples = lots'
refused 'eval = --refine lm:x\n[model a]\n' 'slip.ini:3: eval: --refine'
refused 'eval = --of train\n[model a]\n' 'give the evaluation of other images a name'
refused 'eval = --figures x\n[model a]\n' 'chooses the files of figures itself'
refused 'eval = --set train.seed=4\n[model a]\n' 'slip.ini:3: eval: train.seed = 4: an evaluation cannot change'
refused 'eval = --set eval.features=./nowhere\n[model a]\n' 'slip.ini:3: eval: ./nowhere: cannot read'
refused 'eval = --set eval.features=letters\n[model a]\n' 'no built-in feature network for "letters"'
refused 'seed = 3\n[model a]\n' 'slip.ini:3: unknown key "seed" of a plan; the nearest is "seeds"'
refused 'seeds = 3-1\n[model a]\n' 'slip.ini:3: seeds 3-1: must be'
refused 'against = b\n[model a]\n' 'slip.ini:3: there is no model "b"; the nearest is "a"'
refused '[modle a]\n' 'slip.ini:3: unknown section "modle a"'
refused '[model a]\n[model a]\n' 'slip.ini:4: [model a] is on line 3 already'
refused '[model a/b]\n' 'is the name of folders'
refused '[model a-{model.latent}]\n' 'uses {model.latent} in its name, but does not set it'
refused '[model a-{model.latent}-{model.latent}]\nmodel.latent = 3 4\n' 'uses {model.latent} twice'
refused '[model of.train]\n' 'a folder of evaluations'
refused '[model a]\nfit.base = gk\n' 'needs from = NAME'
refused '[model a]\n[model b]\nfrom = aa\nfit.base = gk\n' 'slip.ini:5: there is no model "aa"; the nearest is "a"'
refused '[model a]\n[model b]\nfrom = a\nfit.bsae = gk\n' 'slip.ini:6: unknown key "fit.bsae"'
refused '[model a]\n[model b]\nfrom = a\nfit.components = 3\n' 'fit.base = BASE is needed'
refused '[model a]\n[model b]\nfrom = a\nfit.base = gk\nfit.codes = 5\n' 'slip.ini:7: fit.codes = 5'
refused '[model \033[31ma]\n' '"?[31ma" is the name of folders'
refused '' 'has no models'
[ -e slips ] && fail "a plan with an error was started"
expect 2 "--only: the list is empty" "$gkvae" compare --plan plans/try.ini --out out --only ,
expect 4 "this is a run's folder" "$gkvae" compare --plan plans/try.ini --out out/plain-1
expect 4 "there is no model \"x\"" "$gkvae" compare --plan plans/try.ini --out out --only x
expect 4 "there is no model \"x\"" "$gkvae" compare --plan plans/try.ini --out out --against x
for plan in "$source"/bench/plans/*.ini; do # the plans of the repository are valid
    expect 0 "runs are there" "$gkvae" compare --plan "$plan" --out none --table
done
finish
