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
finish
