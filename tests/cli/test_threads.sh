# A seed gives one result on any number of threads.
. "$2/tests/cli/lib.sh"

for threads in 1 2 3 8; do
    expect 0 "done" "$gkvae" train small.ini --out "run-$threads" --threads $threads
    for file in checkpoint.safetensors model.safetensors; do
        cmp "run-1/$file" "run-$threads/$file" || fail "$file is another on $threads threads"
    done
done
expect 0 "done" "$gkvae" train small.ini --out other --seed 2
cmp -s run-1/model.safetensors other/model.safetensors && fail "another seed gives the same model"

# Bases with refits from sufficient statistics.
for model in mixture by-class; do
    for threads in 1 2 3; do
        expect 0 "done" "$gkvae" train $model.ini --out "$model-$threads" --threads $threads
        accumulated "$model-$threads" 4 # after 9, 16, 23 and 30 of 36 steps
        for file in checkpoint.safetensors model.safetensors; do
            cmp "$model-1/$file" "$model-$threads/$file" || fail "$model: $file is another on $threads threads"
        done
    done
done

# Flows: the parts of their gradients, and rows in tiles.
for flow in "spline iaf" "gk-coupling sylvester-orthogonal" "maf sylvester-householder" "glow none"; do
    read -r prior posterior <<< "$flow"
    layers=2
    [[ $posterior != none ]] || layers=0
    for threads in 1 2 3; do
        expect 0 "done" "$gkvae" train small.ini --out "$prior-$threads" --threads $threads \
            --set model.prior_flow=$prior --set model.posterior_flow=$posterior --set model.posterior_layers=$layers \
            --set train.epochs=1
        cmp "$prior-1/checkpoint.safetensors" "$prior-$threads/checkpoint.safetensors" ||
            fail "$prior, $posterior: the checkpoint is another on $threads threads"
    done
done
finish
