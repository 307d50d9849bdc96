# gkvae bench: all figures are printed and in the JSON, and no file is left.
. "$2/tests/cli/lib.sh"

mkdir temporary
export TMPDIR=$work/temporary
expect 0 "the peak" "$gkvae" bench small.ini --seconds 1 --images 1000 --threads 2 --json figures.json
for text in "configured, 1 thread" "configured, 2 threads" "plain, 1 thread" "plain, 2 threads" "GEMM backward" \
    "optimiser" "refits, beside it" "refits of the base" "evaluation, 5 samples an image" "draws from the prior" "g-and-k, 1 thread" \
    "gkvae train, 1000 images, 2 threads: first step after"; do
    grep -qF "$text" output || fail "no \"$text\" in the figures"
done
grep -qE "nan|inf" output && fail "a figure is not a number"
ls temporary/* > left 2> /dev/null && fail "left behind: $(cat left)"

# The parts of a step sum to the time of all threads.
/usr/bin/python3 - << 'END' || fail "figures.json"
import json, math
f = json.load(open("figures.json"))
assert [p["threads"] for p in f["sgemm_peak"]] == [1, 2] and len(f["gk"]) == 4
assert [m["name"] for m in f["models"]] == ["configured", "plain"]
assert min(p["memory_bytes_per_second"] for p in f["sgemm_peak"]) > 1e8
for model in f["models"]:
    if model["name"] == "plain": # weights, two moments, and gradients twice; tensors are whole cache lines
        assert math.isclose(model["optimiser_bytes"], 32 * model["parameters"], rel_tol=2e-4)
    assert model["samples"] == 5 and model["batch"] == 100
    for at in model["at"]:
        parts = at["step_parts_thread_seconds"]
        assert len(parts) == 10 and min(parts.values()) >= 0, parts
        assert (parts["flow"] > 1e-6) == (model["name"] == "configured") or parts["flow"] < 1e-5
        share = at["step_flops"] / [p["flops"] for p in f["sgemm_peak"] if p["threads"] == at["threads"]][0]
        assert 0 < at["step_share_of_peak"] and 0 < share
        for key in "first_refit_seconds", "refit_seconds", "refit_share":
            assert (at[key] is None) == (model["name"] == "plain")
        for key in "images_per_second", "evaluated_images_per_second", "drawing_seconds":
            assert at[key] > 0
assert [m["refit_steps"] for m in f["models"]] == [9, None] # every epoch of 900 images
# Operations of the layers 784-32-32-12 and 6-32-32-784: forward, twice backward, without the first layer's input
# gradient.
plain = 784 * 32 + 32 * 32 + 32 * 12 + 6 * 32 + 32 * 32 + 32 * 784
assert f["models"][1]["training_operations_per_image"] == 6 * plain - 2 * 784 * 32
assert f["models"][1]["sample_operations"] == 2 * (6 * 32 + 32 * 32 + 32 * 784)
assert 0 < f["first_step_seconds"] < f["epoch_seconds"] and 1e6 < f["peak_memory_bytes"] < 3e8
END

# Mixtures, also by class with synthetic labels. The first refit is measured alone. The others use sufficient
# statistics, and come as often as in a run.
expect 0 "refits of the base" "$gkvae" bench by-class.ini --images 1000 --threads 1 --seconds 1 --only training --only run \
    --only evaluation --only draws --set model.base_classes=3 --json by-class.json
grep -q "configured, 1 thread" output || fail "by class: no figures of the configured model"
grep -q "quantile of p" output && fail "by class: more than was asked for"
grep -qE "nan|inf" output && fail "by class: a figure is not a number"
expect 0 "refits of the base" "$gkvae" bench mixture.ini --images 1000 --threads 1 --seconds 1 --only training --json mixture.json
/usr/bin/python3 - << 'END' || fail "figures of refits"
import json
for name in "by-class", "mixture":
    model = json.load(open(name + ".json"))["models"][0]
    at = model["at"][0]
    assert model["refit_steps"] == 7
    assert 0 < at["refit_seconds"] < at["first_refit_seconds"]
    between = model["refit_steps"] * at["step_seconds"]
    assert abs(at["refit_share"] - at["refit_seconds"] / (between + at["refit_seconds"])) < 1e-4
END

# A plain model is measured alone, and each part can be measured alone.
expect 0 "plain, 1 thread" "$gkvae" bench small.ini --set model.prior_flow=none --set model.prior_layers=0 \
    --set model.base=normal --set model.base_fit=fixed --images 1000 --threads 1 --seconds 1 --only training
grep -q "configured\|2 threads\|evaluation\|first step" output && fail "more than was asked for: $(cat output)"
expect 0 "quantile of p" "$gkvae" bench --only gk --seconds 1
expect 2 "must be training" "$gkvae" bench --only trainign
expect 2 "from 5" "$gkvae" bench --rounds 4
expect 2 "too many" "$gkvae" bench a.ini b.ini
expect 4 "model.latent" "$gkvae" bench --set model.latent=0
expect 5 "none.ini" "$gkvae" bench none.ini
TMPDIR=$work/absent expect 5 "absent" "$gkvae" bench small.ini --only run --images 1000
# A file that cannot be written is reported at the start. A file that can be written is unchanged until the end.
expect 5 "absent/figures.json" "$gkvae" bench --only gk --seconds 1 --json absent/figures.json
grep -q "quantile of p" output && fail "measured, and then nowhere to write it"
expect 5 "temporary: cannot be written" "$gkvae" bench --only gk --json temporary
expect 5 "none.ini" "$gkvae" bench none.ini --json new.json
[ -e new.json ] && fail "a file without figures"

# There are more threads than images for them.
expect 0 "plain, 64 threads" "$gkvae" bench small.ini --only evaluation --only draws --images 1000 --threads 64 \
    --seconds 1 --set eval.samples=1
grep -q "draws from the prior" output && ! grep -q "refits of the base" output ||
    fail "other parts than evaluation and draws: $(cat output)"
grep -qE "nan|inf" output && fail "a figure of an evaluation of fewer images is not a number"

# A signal to the program alone stops a measurement of some minutes at once, and no file is left.
stop() {
    local process code=0 began=$SECONDS
    "$gkvae" bench small.ini --quiet "$@" > output 2> messages &
    process=$!
    if [ "$2" = run ]; then
        until ls -d temporary/*/run > /dev/null 2>&1 || [ $((SECONDS - began)) -gt 20 ]; do
            sleep 0.05
        done
    else
        sleep 1
    fi
    began=$SECONDS
    kill -s TERM $process
    wait $process || code=$?
    [ $code -eq 143 ] || fail "$*: exit code $code, not 143: $(cat messages)"
    [ $((SECONDS - began)) -le 120 ] || fail "$*: stopped after $((SECONDS - began)) s"
    ls temporary/* > left 2> /dev/null && fail "$*: left behind: $(cat left)"
}
stop --only run --images 20000 --set model.hidden=1000 --set train.batch=1
stop --only training --images 1000 --seconds 6000
stop --only gk --seconds 6000
# The scaling of training: measured parts of a step, and its time on 1 to 1024 ranks.
expect 0 "predicted time of a step" "$gkvae" bench small.ini --scaling --side 32 --seconds 1 --images 1000 --threads 1 \
    --json scaling.json
for text in "images of 32 × 32, 1 thread a rank" "a step of one rank" "in memory takes" "10 Gb/s" "1024"; do
    grep -qF "$text" output || fail "no \"$text\" in the scaling"
done
/usr/bin/python3 - << 'END' || fail "scaling.json"
import json
f = json.load(open("scaling.json"))
assert f["batch"] == 100 and f["side"] == 32 and f["ranks"] == 1 and f["threads"] == 1
assert min(f[k] for k in ("passes_seconds", "gradient_seconds", "packing_seconds", "update_seconds",
                            "copy_seconds")) > 0
one = sum(f[k + "_seconds"] for k in ("passes", "gradient", "packing", "update", "refits"))
assert [p["network"] for p in f["predicted"]] == ["1 Gb/s", "10 Gb/s", "100 Gb/s"]
for p in f["predicted"]:
    steps = p["step_seconds"]
    assert list(steps) == [str(2**i) for i in range(11)] and abs(steps["1"] - one) < 1e-4 * one
END
expect 2 "--side is for --scaling" "$gkvae" bench small.ini --side 32
expect 2 "leave out --only" "$gkvae" bench small.ini --scaling --only training

finish
