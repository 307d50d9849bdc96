# Bases fitted to the codes of a trained model, and commands for classes.
. "$2/tests/cli/lib.sh"

expect 0 "done" "$gkvae" train small.ini --out run
cp run/model.safetensors model.before
expect 2 "ends in .png" "$gkvae" sample run --out run/model.safetensors
expect 2 "needs itself" "$gkvae" sample run --idx run/../run/config.ini
expect 2 "needs itself" "$gkvae" sample run --idx same --out same
expect 2 "ends in .npy" "$gkvae" encode run --out run/checkpoint.safetensors
expect 2 "ends in .png" "$gkvae" interpolate run/model.safetensors --out run/model.safetensors --data-folder "$source/tests/fixtures" \
    --set data.dataset=mnist-small
cp "$source/tests/fixtures/mnist-small/t10k-images-idx3-ubyte.gz" mine
ln mine alias
expect 2 "needs itself" "$gkvae" reconstruct run mine --out alias
expect 2 "needs itself" "$gkvae" encode run --idx mine --out mine
cmp -s mine "$source/tests/fixtures/mnist-small/t10k-images-idx3-ubyte.gz" || fail "the images are lost"
expect 2 "is needed" "$gkvae" base fit run
expect 2 "is needed" "$gkvae" base fit --base gk
expect 0 "" "$gkvae" base fit run --base normal --quiet
[ ! -s output ] || fail "base fit --quiet prints: $(cat output)"
expect 2 "choose one" "$gkvae" base fit run --base gk --out new --update
expect 2 'nearest is "base fit"' "$gkvae" base fir run
expect 4 "must be one of" "$gkvae" base fit run --base cauchy
others=data.train_images=$source/tests/fixtures/mnist-small/t10k-images-idx3-ubyte.gz
expect 3 "not the file" "$gkvae" base fit run --base gk --set "$others"
expect 4 "the model was trained with data.validation" "$gkvae" base fit run --base gk --set data.validation=100
expect 0 "held-out codes" "$gkvae" base fit run --base gaussian-mixture --components 3
grep -q "gk-copula" output && grep -q "gaussian-mixture" output || fail "the bases are not named: $(cat output)"
cp output all
expect 0 "held-out codes" "$gkvae" base fit run --base gaussian-mixture --components 3 --codes 500
[ "$(sed -n 2p output)" = "$(sed -n 2p all)" ] || fail "what the model's base is worth depends on how many codes are fitted to"
expect 6 "was not written" "$gkvae" base fit run --base gk-mixture --components 1000 --out nothing
[ -e nothing ] && fail "a base that was not fitted is kept"
cmp -s run/model.safetensors model.before || fail "a fit that was not to be kept has changed the run"
expect 0 "gaussian-mixture" "$gkvae" base fit run --base gaussian-mixture --components 2 --covariance low-rank --rank 2
expect 4 "base_rank = 6 factors" "$gkvae" base fit run --base gk-mixture --covariance low-rank --rank 6
expect 4 "has any covariance" "$gkvae" base fit run --base full-gaussian --covariance low-rank
expect 0 "written to new" "$gkvae" base fit run --base gk-mixture --components 2 --covariance diagonal --out new
expect 0 "the results page" "$gkvae" eval new
expect 4 "holds a run" "$gkvae" base fit run --base gk --out new
grep -q "held-out codes" output && fail "a folder that will not do is found out after the fit"
: > in-the-way
expect 5 "cannot be kept there" "$gkvae" base fit run --base gk --out in-the-way/new
expect 0 "written to run" "$gkvae" base fit run --base full-gaussian --update
cmp -s run/model.before-fit.safetensors model.before || fail "the model that was is lost"
expect 0 "ELBO" "$gkvae" eval run --no-pictures
expect 4 "checkpoint.before-fit.safetensors" "$gkvae" train --resume --out run
expect 4 "earlier fit" "$gkvae" base fit run --base gk --update
grep -q "held-out codes" output && fail "what an earlier fit has kept is found out after the fit"
expect 2 "is not a folder" "$gkvae" base fit model.before --base gk --update --data-folder "$source/tests/fixtures" \
    --set data.dataset=mnist-small

# Every base can be fitted to every kind of run, whatever the keys of its own base are.
for kind in "normal fixed full" "gk-mixture lm low-rank" "gaussian-mixture lm diagonal" "student-t grad full" \
    "gk-by-class lm full"; do
    set -- - - $kind
    expect 0 "done" "$gkvae" train mixture.ini --out "of-$3" --epochs 1 --set model.base="$3" --set model.base_fit="$4" \
        --set model.base_covariance="$5" --set model.base_rank=2
    for base in normal full-gaussian student-t gk gk-copula gaussian-mixture gk-mixture gk-by-class; do
        "$gkvae" base fit "of-$3" --base $base --components 2 > output 2>&1
        code=$? # 6: no step was better
        [ $code -eq 0 ] || [ $code -eq 6 ] || fail "$base to a run of $kind: exit code $code: $(cat output)"
        grep -q "held-out codes" output || fail "$base to a run of $kind: $(cat output)"
    done
done

# A new base can be fitted to a model whose base was fixed or fitted by gradients. The model then has base_fit = lm.
for way in fixed grad; do
    expect 0 "done" "$gkvae" train small.ini --out $way --set model.prior_flow=none --set model.base=normal \
        --set model.base_fit=$way
    expect 0 "written to $way-fitted" "$gkvae" base fit $way --base gk-mixture --components 2 --out $way-fitted
    is_true "$(sed -n '3s/.*+\([0-9.]*\),.*/\1/p' output) > 0" || fail "$way: nothing was gained: $(cat output)"
    grep -q "^base_fit = lm" $way-fitted/config.ini || fail "$way: the fitted base is not lm's: $(cat $way-fitted/config.ini)"
    expect 0 "ELBO" "$gkvae" eval $way-fitted --no-pictures
done

expect 0 "done" "$gkvae" train small.ini --out classes --set model.base=gk-by-class --set model.base_components=1
grep -q "no training image" output && fail "a warning of classes that all have images"
expect 0 "2 of the model's 12 classes, the first of them 10, have no training image" "$gkvae" train small.ini --out more \
    --quiet --epochs 1 --set model.base=gk-by-class --set model.base_components=1 --set model.base_classes=12
expect 0 "40 images" "$gkvae" sample classes --class 7 --count 40 --out seven.png
expect 0 "200 images" "$gkvae" sample classes --class each --out each.png
expect 0 "5 images" "$gkvae" sample classes --class 3 --count 5 --idx three.idx
expect 0 "8 rows" "$gkvae" interpolate classes --from-class 3 --to-class 8 --out between.png
for picture in seven each between; do is_png $picture.png || fail "$picture.png is not a picture"; done
[ -s three.idx ] || fail "no three.idx"
expect 2 "0 to 9" "$gkvae" sample classes --class 10
expect 2 "0 to 9" "$gkvae" interpolate classes --from-class 3 --to-class 12
expect 2 "go together" "$gkvae" interpolate classes --from-class 3
expect 2 "choose one" "$gkvae" interpolate classes --from-class 3 --to-class 4 --from 1 --to 2
expect 2 "has no classes" "$gkvae" sample new --class 7
expect 2 "has no classes" "$gkvae" interpolate new --from-class 3 --to-class 4
expect 0 "the results page" "$gkvae" eval classes
grep -q "classes recognised" output || fail "no accuracy by class"
is_png classes/classes.png || fail "no picture by class"
expect 0 "classes recognised" "$gkvae" eval classes --of validation --samples 1
is_true "$(json_number classes/metrics-validation.json class_accuracy) > 0" || fail "held-out images have no accuracy by class"
grep -q "Samples by class" classes/index.html || fail "no samples by class on the page"
[ -e new/classes.png ] && fail "classes that the base does not know"
finish
