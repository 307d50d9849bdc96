#!/usr/bin/env bash
# Operations, evaluations and comparisons by the ranks of MPI jobs: check_mpi.sh BUILD SOURCE, under each MPI that the
# build supports. It says what fails; the exit code is 1 then.
set -u
build=$(cd "$1" && pwd)
root=$(cd "$2" && pwd)
source "$root/tests/cli/lib.sh" "$build/gkvae" "$root"
source "$root/tests/mpi/lib.sh"

# without_times FILE: figures that must be equal.
without_times() {
    grep -v -e seconds -e threads "$1"
}

# killed N FILE COMMAND…: kills the last of N ranks once FILE, a glob pattern, exists.
killed() {
    local n=$1 file=$2 process i
    shift 2
    begin "$n" "$@"
    process=$(process_of $((n - 1)))
    for i in $(seq 2400); do
        ! compgen -G "$file" > /dev/null || break
        sleep .05
    done
    kill_rank $((n - 1)) "$process" "$*" || fail "$mpi: it has ended before a rank is killed: $*"
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

# Jobs that mostly wait: ranks that fail or stop, and mistakes, which are reported once.
begin_waiting() {
    local command
    beside 5 "it has not answered" 2 "$build/mpi_ranks" stop
    beside 6 "rank 2 (.*a figure is not finite" 3 "$build/mpi_ranks" fail
    beside 2 "rank 2 (" 3 "$build/mpi_ranks" agree
    beside 4 "abc on rank 2 (" 3 "$build/mpi_ranks" differ
    for command in compare bench fit eval; do
        beside 2 "unknown option" 2 "$gkvae" "$command" --nothing
    done
    beside 5 "no-such-run" 2 "$gkvae" eval no-such-run
    beside 2 "is for one process" 2 "$gkvae" compare run --out page
}

# check all|some: what is computed does not depend on the launcher, so the second one has fewer numbers of ranks there.
check() {
    local n i job process code=0
    begin_waiting
    for n in 1 2 3 4; do
        expect_ranks 0 bytes "$n" "$build/mpi_ranks" bytes
        expect_ranks 0 tickets "$n" "$build/mpi_ranks" tickets
    done
    expect_ranks 0 count 3 "$build/mpi_ranks" count
    "$build/mpi_ranks" sums > sums.txt
    for n in 1 2 4; do # in a tree of 8 parts
        expect_ranks 0 "$(cat sums.txt)" "$n" "$build/mpi_ranks" sums
    done
    ranks 3 "$build/mpi_ranks" kill > output 2>&1 && fail "$mpi: exit code 0 though a rank has killed itself"

    # the same bits on any number of ranks and threads
    for n in $([ "$1" = some ] && seq 2 3 || seq 4); do
        rm -f run/metrics.json
        expect_ranks 0 "" "$n" "$gkvae" "${evaluation[@]}" -t $((n % 2 + 1))
        without_times run/metrics.json | cmp - alone.json || fail "$mpi: other figures on $n ranks"
        [ "$(grep -c "active units" output)" = 1 ] || fail "$mpi: not one rank prints"
    done

    expect_ranks 0 "gkvae 0" 2 "$gkvae" version
    expect_ranks 0 "" 2 env GKVAE_MPI=off "$gkvae" settings

    # other data, another program, another instruction set
    cd here || exit
    expect_ranks 4 "the images differs between ranks" 2 ../on_rank_1 here "$gkvae" eval run --data-folder tests/fixtures
    expect_ranks 4 "the program file" 2 ../on_rank_1 other-gkvae "$gkvae" eval run
    cd .. || exit

    # a rank is killed in an evaluation: the old figures stay, and the next start succeeds
    cp run/metrics.json before.json
    killed 3 run/lock "$gkvae" eval run --samples 100000 --no-generation
    cmp run/metrics.json before.json || fail "$mpi: figures of an evaluation that was killed"

    # a rank is interrupted in the metrics of generation: the job ends, and the figures of the likelihood are kept
    rm -f run/metrics.json
    begin 2 "$gkvae" eval run --samples 2 --set eval.features=mnist --draws 30000 --no-pictures
    process=$(process_of 1)
    for n in $(seq 2400); do
        [ ! -e run/metrics.json ] || break
        sleep .05
    done
    kill -TERM "$process"
    wait "$job" || code=$?
    [ "$code" -eq 143 ] || fail "$mpi: exit code $code after a rank was interrupted"
    grep -q neg_elbo run/metrics.json || fail "$mpi: an interrupted rank loses the likelihood"

    # a comparison: a rank is killed while it trains; the next start does what is left
    rm -rf plan
    killed 2 "plan/*/lock" "$gkvae" compare --plan plan.ini --out plan
    expect_ranks 0 "the page" 3 "$gkvae" compare --plan plan.ini --out plan
    expect_ranks 0 "0 steps to do" 2 "$gkvae" compare --plan plan.ini --out plan
    for model in alone/*/model.safetensors; do
        cmp "$model" "plan/${model#alone/}" || fail "$mpi: another model in a comparison"
    done
    together
    [ ! -e page ] || fail "$mpi: ranks have written a comparison of runs"
}

found=
for mpi in openmpi mpich; do
    [ -e "$build/libgkvae-$mpi.so" ] || continue
    check "${found:-all}"
    found=some
done
[ -n "$found" ] || fail "the build has no MPI support: configure it with -DGKV_MPI=ON"
finish
