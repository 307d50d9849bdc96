# gkvae export --onnx and --torch: files, names, refusals, and the examples of docs/interchange.md. tests/export checks
# the numbers.
. "$2/tests/cli/lib.sh"

expect 0 "done" "$gkvae" train mixture.ini --out run --epochs 1 --set model.latent=24
parts="encoder decoder flow flow_inverse log_prob sample"

# A folder gets all parts; a model file alone is enough, and gives the same bytes.
expect 0 "sample, ONNX" "$gkvae" export run --onnx onnx
[ "$(ls onnx | tr '\n' ' ')" = "decoder.onnx encoder.onnx flow.onnx flow_inverse.onnx log_prob.onnx sample.onnx " ] ||
    fail "the folder has $(ls onnx)"
for part in $parts; do
    expect 0 "$part, ONNX" "$gkvae" export run/model.safetensors --onnx "my-$part.onnx"
    cmp "my-$part.onnx" "onnx/$part.onnx" || fail "$part is another from the model file"
done
expect 0 "flow_inverse, ONNX" "$gkvae" export run --onnx "prior flow_inverse.ONNX"
cmp "prior flow_inverse.ONNX" onnx/flow_inverse.onnx || fail "another part by its name"

# Names that say no part, names of other formats, and files of the run.
for name in model.onnx overflow.onnx inverse.onnx; do
    expect 2 "encoder, decoder, flow" "$gkvae" export run --onnx $name
    [ -e $name ] && fail "$name was written"
done
expect 2 "encoder, decoder, flow" "$gkvae" export run --torch early.py --onnx model.onnx
[ -e early.py ] && fail "a format was written before another one was checked"
expect 2 "onnx is given twice, as flow.onnx and as decoder.onnx" "$gkvae" export run --onnx flow.onnx --onnx decoder.onnx
expect 2 "a name that ends in .onnx" "$gkvae" export run --onnx flow.pt
expect 2 "a name that ends in .py" "$gkvae" export run --torch model.onnx
expect 2 "in which format" "$gkvae" export run
expect 5 "run/config.ini" "$gkvae" export run --onnx run/config.ini/onnx
expect 2 "which the command needs itself" "$gkvae" export run --onnx run/config.ini

# What a format cannot have is refused with the setting; a folder gets the rest.
expect 0 "done" "$gkvae" train small.ini --out student --epochs 1 --set model.base=student-t
expect 4 "model.base = student-t" "$gkvae" export student --onnx sample.onnx
[ -e sample.onnx ] && fail "sample.onnx was written"
expect 0 "sample, not written: model.base = student-t" "$gkvae" export student --onnx of-student
[ "$(ls of-student | wc -l)" -eq 5 ] || fail "the folder has $(ls of-student)"

# The path of the weights is absolute, whatever is in it.
mkdir "a 'b\" ä"
cp -r run "a 'b\" ä/run"
expect 0 "PyTorch module of $work" "$gkvae" export "a 'b\" ä/run" --torch model.py
grep -q '^WEIGHTS = os.fsdecode(b"/.*/a '"'"'b\\x22 \\xc3\\xa4/run/model.safetensors")' model.py || fail "$(grep WEIGHTS model.py)"

# example NUMBER: a block of Python in the documentation.
example() {
    awk -v wanted="$1" '/^```python/ { block++; inside = block == wanted; next } /^```/ { inside = 0 } inside' \
        "$source/docs/interchange.md"
}
if python=$(python_with numpy); then
    cat > onnxruntime.py << 'END'
"""Stands for ONNX Runtime: the evaluator of tests/export."""
from onnx_numpy import read, run

class InferenceSession:
    def __init__(self, path):
        self.model = read(path)

    def run(self, names, inputs):
        return list(run(self.model, inputs).values())
END
    { example 1; echo 'assert images.min() >= 0 and images.max() <= 1 and images.std() > 0.01, images'; } > first.py
    expect 0 "" env PYTHONPATH="$source/tests/export:$work" PYTHONDONTWRITEBYTECODE=1 "$python" first.py
fi
if python=$(python_with torch); then
    { example 2; echo 'assert images.shape == (16, 784) and nats.isfinite().all()'; } > second.py
    expect 0 "" env PYTHONDONTWRITEBYTECODE=1 "$python" second.py
else
    echo "no Python package torch (Debian: python3-torch): the example of PyTorch did not run"
fi
finish
