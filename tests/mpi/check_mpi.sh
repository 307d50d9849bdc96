#!/usr/bin/env bash
# The ranks of MPI jobs, under each MPI that the build supports: `make check-mpi` calls it with the folder of the
# build and that of the sources. It says what fails; the exit code is 1 then.
set -u
build=$(cd "$1" && pwd)
root=$(cd "$2" && pwd)
source "$root/tests/cli/lib.sh" "$build/gkvae" "$root"
export OMP_NUM_THREADS=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
unset GKVAE_MPI

# ranks N COMMAND…: the command on N ranks of the current MPI, at most 240 seconds.
ranks() {
    local n=$1
    shift
    timeout 240 "mpirun.$mpi" -n "$n" "$@"
}

# expect_ranks CODE TEXT N COMMAND…: as expect, on N ranks; a failure within 30 seconds.
expect_ranks() {
    local code=$1 text=$2 n=$3 began=$SECONDS
    shift 3
    expect "$code" "$text" ranks "$n" "$@"
    [ "$code" -eq 0 ] || [ $((SECONDS - began)) -le 30 ] ||
        fail "$mpi: $((SECONDS - began)) seconds until the end of: $*"
}

# without_times FILE: figures that must be equal.
without_times() {
    grep -v -e seconds -e threads "$1"
}

# one_of PATTERN: the process of a rank, once it is there. The pattern has the folder of this test.
one_of() {
    local i pid
    for i in $(seq 100); do
        pid=$(pgrep -f "^$1" | tail -n 1)
        [ -n "$pid" ] && [ "$(pgrep -fc "^$1")" -ge "$2" ] && echo "$pid" && return
        sleep .1
    done
    echo "no process of $1" >&2
    return 1
}

# ends_early COMMAND…: a rank dies while the command runs in the background, as job $job; it must end within
# 30 seconds.
ends_early() {
    local code=0 began=$SECONDS
    wait "$job" || code=$?
    [ "$code" -ne 0 ] || fail "$mpi: exit code 0 though a rank was killed: $*"
    [ $((SECONDS - began)) -le 30 ] || fail "$mpi: $((SECONDS - began)) seconds after a rank was killed: $*"
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
    for i in $(seq 600); do
        ! compgen -G "$file" > /dev/null || break
        sleep .05
    done
    sleep .3
    kill -9 "$pid" 2> /dev/null
    ends_early "$@"
    ! pgrep -f "^$pattern" > /dev/null || sleep 2
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
    local n job
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
    ranks 2 "$gkvae" eval "$work/run" --samples 2 --set eval.features=mnist --draws 3000 --no-pictures > output 2>&1 &
    job=$!
    for n in $(seq 600); do
        [ ! -e run/metrics.json ] || break
        sleep .1
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
