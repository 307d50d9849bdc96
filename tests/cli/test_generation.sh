# Metrics of generation in the terminal, in metrics.json, in pictures and on the page; and evaluations without them.
. "$2/tests/cli/lib.sh"
value() { json_number "$1/metrics.json" "$2"; }

expect 0 "done" "$gkvae" train small.ini --out run
expect 0 "no metrics of generation" "$gkvae" eval run --samples 1 --images 20 --no-pictures
[ "$(value run frechet_lenet)" = null ] && [ "$(value run generation_draws)" = null ] ||
    fail "figures of a data set without a network"

few=(--samples 1 --images 20 --draws 120 --draw-sets 2 --set eval.features=mnist)
expect 0 "against grey test images" "$gkvae" eval run "${few[@]}"
for text in "samples" "N(0, I) in place of the prior" "decoded posterior draws" "training images (floor)" \
    "nearest training image" "sets of 120 draws at temperature 1 against all 500 test images"; do
    grep -qF "$text" output || fail "eval does not print: $text"
done
for set in "" normal_ posterior_ reconstructed_ floor_; do
    for figure in frechet_lenet kid_lenet precision recall density coverage class_entropy confidence confident; do
        for form in "" binary_; do
            key=$set$form$figure
            [[ $(value run "$key") =~ ^-?[0-9] ]] || fail "$key is $(value run "$key")"
        done
    done
done
is_true "$(for c in 0 1 2 3 4 5 6 7 8 9; do printf '%s + ' "$(value run class_share_$c)"; done) 0 > 0.999999" ||
    fail "the fractions of classes do not sum to 1"
[ "$(value run refined_frechet_lenet)" = null ] || fail "a distance of refined codes that nobody asked for"
is_true "$(value run frechet_lenet) > $(value run floor_frechet_lenet)" || fail "a tiny model is as good as real images"
is_true "$(value run posterior_frechet_lenet) < $(value run normal_frechet_lenet)" || fail "N(0, I) is no worse"
[ "$(value run generation_draws)" = 120 ] && [ "$(value run generation_sets)" = 2 ] || fail "other draws than asked for"
grep -qE '"features_sha256": "[0-9a-f]{64}"' run/metrics.json || fail "no SHA-256 of the network"
is_png run/nearest.png || fail "no picture of nearest training images"
for text in "Generation: realistic and diverse?" "Generation: pixel means" "Generation: binary draws" "Samples and training images"; do
    grep -qF "$text" run/index.html || fail "the page does not have: $text"
done
grep -qF '<table class="close">' run/index.html || fail "ten columns are as wide as they can be"
[ "$(grep -n '>Samples<' run/index.html | tail -1 | cut -d: -f1)" -lt "$(grep -n '>Measurements<' run/index.html | tail -1 | cut -d: -f1)" ] ||
    fail "samples do not come first"

# The result is the same on any number of threads.
cp -r run other
for threads in 1 3; do
    expect 0 "" "$gkvae" eval other "${few[@]}" --threads $threads --no-pictures --quiet
    for key in frechet_lenet frechet_lenet_se kid_lenet coverage binary_frechet_lenet nearest_samples confidence; do
        [ "$(value run $key)" = "$(value other $key)" ] || fail "$key is another on $threads threads"
    done
done

# Refined codes are measured too if they exist for all test images.
expect 0 "refined reconstructions" "$gkvae" eval other --samples 1 --refine lm:0 --draws 120 --draw-sets 1 \
    --set eval.features=mnist --no-pictures --quiet
[[ $(value other refined_frechet_lenet) =~ ^[0-9] ]] || fail "no distance of refined reconstructions"
[ "$(value other frechet_lenet_se)" = null ] || fail "a standard error over one set of draws"

grep -qF "one set of draws, without standard errors" output || fail "± of one set of draws: $(cat output)"
grep -qF "KID of 100 subsets of 120;" output || fail "subsets of more images than there are: $(cat output)"

# A temperature, a network from a file, and none.
expect 0 "at temperature 0.5" "$gkvae" eval other "${few[@]}" --temperature 0.5 --no-pictures --quiet
[ "$(value other frechet_lenet)" != "$(value run frechet_lenet)" ] || fail "the temperature changes nothing"
expect 0 "" "$gkvae" eval other --samples 1 --images 20 --draws 120 --draw-sets 2 --no-pictures --quiet \
    --set "eval.features=$source/features/mnist.safetensors"
[ "$(value other frechet_lenet)" = "$(value run frechet_lenet)" ] || fail "the network's file gives other figures"
expect 0 "" "$gkvae" eval other "${few[@]}" --no-generation --no-pictures --quiet
[ "$(value other frechet_lenet)" = null ] || fail "--no-generation measures"
expect 4 "no built-in feature network" "$gkvae" eval other --samples 1 --set eval.features=imagenet --no-pictures
grep -q "−ELBO" output && fail "a network that is not there is noticed after the evaluation"
expect 5 "nothing.safetensors" "$gkvae" eval other --samples 1 --set eval.features=./nothing.safetensors --no-pictures

# One image has no standard error, and none is printed. The tables of the page contain no NaN.
idx() { # FILE COUNT SIDE: black images
    printf "$(printf '\\0\\0\\10\\3\\0\\0\\0\\%o\\0\\0\\0\\%o\\0\\0\\0\\%o' "$2" "$3" "$3")" > "$1"
    head -c $(($2 * $3 * $3)) /dev/zero >> "$1"
}
idx one.idx 1 28
expect 0 "nearest training image" "$gkvae" eval other --samples 1 --set eval.features=mnist --set data.test_images=one.idx
sed 's/base64,[^"]*"//g' other/index.html | grep -qwi "nan" && fail "a NaN is on the page"
grep -qi "nan" output && fail "a NaN is printed: $(cat output)"
expect 0 "done" "$gkvae" train by-class.ini --out by-class
expect 0 "index.html" "$gkvae" eval by-class --samples 1 --images 20
grep -q "nan → nan" by-class/index.html && fail "the page has NaN for what is of no concern to a base"

# If the images have another size than those of the network, this is reported before the evaluation, and is not a
# failure by default.
idx train16.idx 200 16
idx test16.idx 20 16
sed "s/^dataset = .*/dataset = mnist/; s/^folder = .*/train_images = train16.idx\ntest_images = test16.idx/
    s/^validation = .*/validation = 20/; s/^batch = .*/batch = 20/" small.ini > size.ini
expect 0 "done" "$gkvae" train size.ini --out size
expect 0 "no metrics of generation: the feature network of mnist is for images of 28 × 28, but the model's are 16 × 16" \
    "$gkvae" eval size --no-pictures
[ "$(value size frechet_lenet)" = null ] && is_true "$(value size neg_elbo) > 0" || fail "figures of another size of images"
expect 3 'eval.features: the network "mnist" is for images of 28 × 28' "$gkvae" eval size --set eval.features=mnist
grep -q "−ELBO" output && fail "a network for other images is noticed after the evaluation"
expect 3 'eval.features: the network "mnist"' "$gkvae" reconstruct size --refine lm:1 -n 2 --set eval.features=mnist

# The name of a network may have 64 bytes of any language. Its file is not overwritten.
if command -v python3 > /dev/null; then
    python3 - "$source/features/mnist.safetensors" << 'PY'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
end = 8 + struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:end])
header["__metadata__"]["name"] = "a" + "ö" * 31
text = json.dumps(header, ensure_ascii=False).encode()
text += b" " * (-len(text) % 8)
open("named.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data[end:])
PY
    named=(--samples 1 --images 20 --draws 20 --draw-sets 1 --no-pictures --set eval.features=./named.safetensors)
    expect 0 "network \"aööööööööööööööööööööööööööööööö\" (SHA-256" "$gkvae" eval other "${named[@]}"
    grep -qF '"features": "aööööööööööööööööööööööööööööööö"' other/metrics.json || fail "the network's name in metrics.json"
    expect 2 "ends in .json" "$gkvae" eval other "${named[@]}" --figures named.safetensors
fi

# Without training images there are no metrics of generation, and with a named network this is an error.
gzip -dc "$source/tests/fixtures/mnist-small/t10k-images-idx3-ubyte.gz" > alone.idx
alone=(--samples 1 --images 20 --no-pictures --set data.dataset=mnist --set data.folder=nowhere --set data.test_images=alone.idx)
expect 0 "no metrics of generation: they also need the training images" "$gkvae" eval other "${alone[@]}"
is_true "$(value other neg_elbo) > 0" || fail "no figures without training images"
expect 5 "nowhere" "$gkvae" eval other "${alone[@]}" --set eval.features=mnist
# If the measurement of generation is interrupted, the likelihood is kept.
rm other/metrics.json
"$gkvae" eval other --samples 1 --images 20 --draws 120 --draw-sets 1000 --set eval.features=mnist > log 2>&1 &
process=$!
for _ in $(seq 600); do
    grep -q "generation: 2 of" log && break
    sleep 0.1
done
kill -s INT $process
code=0
wait $process || code=$?
[ $code -eq 130 ] || fail "exit code $code of an interrupted measurement of generation"
[[ $(value other nll) =~ ^[0-9] ]] || fail "the likelihood is lost: $(value other nll)"
[ "$(value other frechet_lenet)" = null ] || fail "a distance of an interrupted measurement"
finish
