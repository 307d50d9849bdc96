#!/usr/bin/env bash
# The ranks of MPI jobs, under each MPI that the build supports: `make check-mpi` calls it with the folder of the
# build and that of the sources. It says what fails; the exit code is 1 then.
set -u
build=$(cd "$1" && pwd)
root=$(cd "$2" && pwd)
source "$root/tests/cli/lib.sh" "$build/gkvae" "$root"
export OMP_NUM_THREADS=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
unset GKVAE_MPI

# The standard error of a rank, in a file: what a launcher passes on is not certain at the end of a job that failed.
cat > direct << 'END'
#!/bin/sh
exec "$@" 2>> "$ERRORS"
END
chmod +x direct
export ERRORS=$work/errors

# ranks N COMMAND…: the command on N ranks of the current MPI, at most 240 seconds (exit code 124).
ranks() {
    local n=$1 code=0
    shift
    : > "$ERRORS"
    timeout 240 "mpirun.$mpi" -n "$n" "$work/direct" "$@" || code=$?
    cat "$ERRORS" >&2
    return $code
}

# expect_ranks CODE TEXT N COMMAND…: as expect, on N ranks.
expect_ranks() {
    local code=$1 text=$2 n=$3
    shift 3
    expect "$code" "$text" ranks "$n" "$@"
}

# without_times FILE: figures that must be equal.
without_times() {
    grep -v -e seconds -e threads "$1"
}

# one_of PATTERN: the process of a rank, once it is there. The pattern has the folder of this test.
one_of() {
    local i pid
    for i in $(seq 1200); do
        pid=$(pgrep -f "^$1" | tail -n 1)
        [ -n "$pid" ] && [ "$(pgrep -fc "^$1")" -ge "$2" ] && echo "$pid" && return
        sleep .1
    done
    echo "no process of $1" >&2
    return 1
}

# ends_early COMMAND…: a rank dies while the command runs in the background, as job $job; it must end by itself.
ends_early() {
    local code=0
    wait "$job" || code=$?
    [ "$code" -ne 0 ] || fail "$mpi: exit code 0 though a rank was killed: $*"
    [ "$code" -ne 124 ] || fail "$mpi: the job did not end though a rank was killed: $*"
    if [ "$mpi" = openmpi ]; then
        grep -q "rank" output || fail "no rank is named after it was killed"
    fi
}

# killed PATTERN FILE N COMMAND…: kills the last of N ranks once all are there and FILE, a glob pattern, exists.
killed() {
    local pattern=$1 file=$2 n=$3 job pid i
    shift 3
    ranks "$n" "$@" > output 2>&1 &
    job=$!
    pid=$(one_of "$pattern" "$n")
    for i in $(seq 2400); do
        ! compgen -G "$file" > /dev/null || break
        sleep .05
    done
    kill -9 "$pid" 2> /dev/null
    ends_early "$@"
    for i in $(seq 1200); do
        pgrep -f "^$pattern" > /dev/null || break
        sleep .05
    done
    ! pgrep -f "^$pattern" > /dev/null || fail "$mpi: ranks are left over: $*"
}

# --- What is evaluated and compared ---------------------------------------------------------------

configuration "" "" > small.ini
"$gkvae" train small.ini --out run -q > /dev/null 2>&1 || fail "training"
evaluation=(eval run --refine lm:1 --set eval.features=mnist --draw-sets 1 --draws 300 --no-pictures)
"$gkvae" "${evaluation[@]}" -q > alone.txt 2>&1 || fail "evaluation"
without_times run/metrics.json > alone.json
cat > plan.ini << 'END'
[plan]
config = small.ini
seeds = 1-2
eval = --no-generation
[model a]
model.latent = 6
[model b]
model.latent = 4
[model c]
from = a
fit.base = gk
END
"$gkvae" compare --plan plan.ini --out alone > /dev/null 2>&1 || fail "comparison"

# A table for fits: two groups of rows, and a heavy tail.
awk 'BEGIN {
    print "first,second"
    for (i = 1; i <= 300; i++) {
        u = (i * 0.6180339887) % 1; v = (i * 0.7548776662) % 1; w = sqrt(-2 * log(u + 1e-9))
        x = w * cos(6.283185307 * v); y = w * sin(6.283185307 * v); shift = i % 3 ? 0 : 4
        printf "%.9g,%.9g\n", x * exp(0.1 * x * x) + shift, y + 0.5 * x - shift
    }
}' > table.csv
fits=("--bootstrap 40 --column first" "--bootstrap 30 --nonparametric --method mle"
    "--mixture 2..3 --restarts 5" "--mixture 3 --normal --restarts 4 --held-out 0.1")
for i in "${!fits[@]}"; do
    # shellcheck disable=SC2086
    "$gkvae" fit table.csv ${fits[$i]} --json > "fit-$i.json" 2> /dev/null || fail "fit ${fits[$i]}"
done

density=(density fit table.csv --no-page -q)
"$gkvae" "${density[@]}" --updates 40 --out density > /dev/null 2>&1 || fail "density"
"$gkvae" "${density[@]}" --updates 20 --folds 1 --candidates flow,gk-mixture --out one-fold > /dev/null 2>&1 ||
    fail "density by one fold"

# Another machine: other images under the same names, and another program.
mkdir -p other/tests/fixtures here/tests/fixtures
cp -r "$source/tests/fixtures/mnist-small" here/tests/fixtures
cp -r "$source/tests/fixtures/mnist-small" other/tests/fixtures
cp other/tests/fixtures/mnist-small/train-images-idx3-ubyte.gz \
    other/tests/fixtures/mnist-small/t10k-images-idx3-ubyte.gz
cp other/tests/fixtures/mnist-small/train-labels-idx1-ubyte.gz \
    other/tests/fixtures/mnist-small/t10k-labels-idx1-ubyte.gz
cp -r run here
cp -r run other
cp "$gkvae" other-gkvae
printf x >> other-gkvae
cp "$build"/libgkvae-*.so .
cat > on_rank_1 << 'END'
#!/bin/sh
# on_rank_1 FOLDER PROGRAM ARGUMENT…: on rank 1 in the folder `other`, or by the program `other-gkvae`
if [ "${OMPI_COMM_WORLD_RANK-}${PMI_RANK-}" = 1 ]; then
    [ "$1" = other-gkvae ] && shift 2 && exec ../other-gkvae "$@"
    cd ../other || exit 1
fi
shift
exec "$@"
END
chmod +x on_rank_1

# --- Under each MPI -------------------------------------------------------------------------------

check() {
    local n i job command
    for n in 1 2 3 4; do
        expect_ranks 0 bytes "$n" "$build/mpi_ranks" bytes
        expect_ranks 0 tickets "$n" "$build/mpi_ranks" tickets
    done
    "$build/mpi_ranks" sums > sums.txt
    for n in 1 2 4; do # in a tree of 8 parts
        expect_ranks 0 "$(cat sums.txt)" "$n" "$build/mpi_ranks" sums
    done
    expect_ranks 2 "rank 2 (" 3 "$build/mpi_ranks" agree
    expect_ranks 4 "abc on rank 2 (" 3 "$build/mpi_ranks" differ
    expect_ranks 6 "a figure is not finite" 3 "$build/mpi_ranks" fail
    grep -q "rank 2 (" output || fail "$mpi: the rank that failed is not named"
    expect_ranks 5 "it has not answered" 2 "$build/mpi_ranks" stop
    ranks 3 "$build/mpi_ranks" kill > output 2>&1 & # a rank kills itself
    job=$!
    ends_early "$build/mpi_ranks" kill

    # the same bits on any number of ranks and threads
    for n in 1 2 3 4; do
        rm -f run/metrics.json
        expect_ranks 0 "" "$n" "$gkvae" "${evaluation[@]}" -t $((n % 2 + 1))
        without_times run/metrics.json | cmp - alone.json || fail "$mpi: other figures on $n ranks"
        [ "$(grep -c "active units" output)" = 1 ] || fail "$mpi: not one rank prints"
    done
    expect_ranks 5 "" 2 "$gkvae" eval no-such-run
    [ "$(grep -c "no-such-run" output)" = 1 ] || fail "$mpi: an error of all ranks is not printed once"
    expect_ranks 2 "unknown option" 2 "$gkvae" eval run --nothing
    expect_ranks 2 "is for one process" 2 "$gkvae" fit table.csv
    expect_ranks 2 "cannot share standard input" 2 "$gkvae" fit - --bootstrap 40

    # fits: replicates of a bootstrap, and starts of a mixture; 1 to 4 ranks for two of them
    for i in "${!fits[@]}"; do
        for n in $([ $((i % 2)) = 0 ] && seq 4 || echo 3); do
            # shellcheck disable=SC2086
            ranks "$n" "$gkvae" fit table.csv ${fits[$i]} --json -q -t $((n % 2 + 1)) > fit.json 2> output ||
                fail "$mpi: fit on $n ranks: $(cat output)"
            cmp fit.json "fit-$i.json" || fail "$mpi: another fit on $n ranks: ${fits[$i]}"
        done
    done
    rm -f clusters.csv
    expect_ranks 0 "" 3 "$gkvae" fit table.csv --mixture 2 --responsibilities clusters.csv --picture clusters.png -q
    [ -s clusters.csv ] && [ -s clusters.png ] || fail "$mpi: ranks have not written the files of a mixture"

    # a density: its candidates and folds
    for n in 1 2 3 4; do
        expect_ranks 0 "kept in ranks" "$n" "$gkvae" "${density[@]}" --updates 40 --out ranks --overwrite
        cmp density/density.safetensors ranks/density.safetensors || fail "$mpi: another density on $n ranks"
        cmp density/density.json ranks/density.json || fail "$mpi: another density.json on $n ranks"
    done
    expect_ranks 0 "" 3 "$gkvae" "${density[@]}" --updates 20 --folds 1 --candidates flow,gk-mixture --out ranks --overwrite
    cmp one-fold/density.safetensors ranks/density.safetensors || fail "$mpi: another density by one fold"
    expect_ranks 2 "is for one process" 2 "$gkvae" "${density[@]}" --out ranks --resume
    expect_ranks 4 "the folder has a density" 2 "$gkvae" "${density[@]}" --out ranks

    # a mistake is reported once
    for command in compare bench fit eval; do
        expect_ranks 2 "unknown option" 2 "$gkvae" "$command" --nothing
        [ "$(grep -c "unknown option" output)" = 1 ] || fail "$mpi: $command: the mistake is not reported once"
    done
    expect_ranks 2 "is for one process" 2 "$gkvae" compare run --out page
    [ ! -e page ] || fail "$mpi: ranks have written a comparison of runs"
    expect_ranks 0 "gkvae 0" 2 "$gkvae" version
    expect_ranks 0 "" 2 env GKVAE_MPI=off "$gkvae" settings

    # other data, another program, another instruction set
    cd here || exit
    expect_ranks 4 "the images differs between ranks" 2 ../on_rank_1 here "$gkvae" eval run --data-folder tests/fixtures
    expect_ranks 4 "the program file" 2 ../on_rank_1 other-gkvae "$gkvae" eval run
    cd .. || exit

    # a rank is killed in an evaluation: the old figures stay, and the next start succeeds
    cp run/metrics.json before.json
    killed "$gkvae eval $work/run" run/lock 3 "$gkvae" eval "$work/run" --samples 100000 --no-generation
    cmp run/metrics.json before.json || fail "$mpi: figures of an evaluation that was killed"

    # a rank is interrupted in the metrics of generation: the job ends, and the figures of the likelihood are kept
    local code=0
    rm -f run/metrics.json
    ranks 2 "$gkvae" eval "$work/run" --samples 2 --set eval.features=mnist --draws 30000 --no-pictures > output 2>&1 &
    job=$!
    for n in $(seq 2400); do
        [ ! -e run/metrics.json ] || break
        sleep .05
    done
    kill -TERM "$(one_of "$gkvae eval $work/run" 2)"
    wait "$job" || code=$?
    [ "$code" -eq 143 ] || fail "$mpi: exit code $code after a rank was interrupted"
    grep -q neg_elbo run/metrics.json || fail "$mpi: an interrupted rank loses the likelihood"

    # a comparison: a rank is killed while it trains; the next start does what is left
    rm -rf plan
    killed "$gkvae compare --plan plan.ini --out $work/plan" "plan/*/lock" 2 \
        "$gkvae" compare --plan plan.ini --out "$work/plan"
    expect_ranks 0 "the page" 3 "$gkvae" compare --plan plan.ini --out "$work/plan"
    expect_ranks 0 "0 steps to do" 2 "$gkvae" compare --plan plan.ini --out "$work/plan"
    for model in alone/*/model.safetensors; do
        cmp "$model" "plan/${model#alone/}" || fail "$mpi: another model in a comparison"
    done
}

found=
for mpi in openmpi mpich; do
    [ -e "$build/libgkvae-$mpi.so" ] || continue
    found=yes
    echo "check-mpi: $mpi"
    check
done
[ -n "$found" ] || fail "the build has no MPI support: configure it with -DGKV_MPI=ON"
finish
