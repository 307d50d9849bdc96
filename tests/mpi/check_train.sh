#!/usr/bin/env bash
# Training by the ranks of MPI jobs: check_train.sh BUILD SOURCE, under each MPI that the build supports. Every number of
# ranks writes the files of one process, whatever stops a job.
set -u
build=$(cd "$1" && pwd)
root=$(cd "$2" && pwd)
source "$root/tests/cli/lib.sh" "$build/gkvae" "$root"
source "$root/tests/mpi/lib.sh"

# train FOLDER OPTION…: the run of one process, which the others are compared with.
train() {
    local folder=$1
    shift
    "$gkvae" train "$@" --out "$folder" -q > output 2>&1 || fail "train $*: $(cat output)"
}

# same FOLDER OTHER WHAT: both runs have the same files, but for times.
same() {
    local file
    for file in model.safetensors checkpoint.safetensors; do
        cmp "$1/$file" "$2/$file" || fail "$3: $file differs"
    done
    [ "$(cut -d, -f1-11 "$1/history.csv")" = "$(cut -d, -f1-11 "$2/history.csv")" ] || fail "$3: history.csv differs"
    cmp -s <(sed 's/"seconds": [^,}]*//' "$1/refits.jsonl") <(sed 's/"seconds": [^,}]*//' "$2/refits.jsonl") ||
        fail "$3: refits.jsonl differs"
}

# check_ranks MEMORY N OPTION…: trains on N ranks in the folder `run`, and compares it with the folder `whole`. The ranks
# have `shared` memory, or each has its own, `separate`, and they send messages as between machines.
check_ranks() {
    local memory=$1 n=$2 code=0
    shift 2
    rm -rf run
    GKVAE_MPI_MEMORY=$memory ranks "$n" "$gkvae" train "$@" --out run -q < /dev/null > output 2>&1 || code=$?
    [ $code -eq 0 ] || fail "$mpi, $n ranks: exit code $code: train $*: $(cat output)"
    same whole run "$mpi, $n ranks, $memory memory: train $*"
}

# begin_job MEMORY: a job of 3 ranks in the folder `run`, which something happens to after its first checkpoint. $first is
# the process of rank 1.
begin_job() {
    local i
    rm -rf run
    GKVAE_MPI_MEMORY=$1 begin 3 "$gkvae" train mixture.ini --epochs "$epochs" --out run
    first=$(process_of 1)
    for i in $(seq 2400); do
        [ ! -e run/checkpoint.safetensors ] || return
        sleep 0.05
    done
    fail "$mpi: no checkpoint within 120 s: $(cat output "$ERRORS")"
}

# end_job WHAT TEXT: the job ends by itself, with a text. The launcher's exit code is no measure of it: MPICH's mpirun now
# and then exits with 0 after a SIGINT, though each rank has exited with 130.
end_job() {
    local code=0
    wait "$job" || code=$?
    [ $code -ne 124 ] || fail "$mpi: $1: the job did not end within 240 s"
    grep -qF -e "$2" output || fail "$mpi: $1: no \"$2\": $(cat output)"
}

# resume WHAT: 2 ranks resume it to the files of one process.
resume() {
    ranks 2 "$gkvae" train --resume --out run -q > output 2>&1 || fail "$mpi: $1: resuming: $(cat output)"
    same whole run "$mpi: $1"
}

check_numbers() {
    local n
    rm -rf whole
    train whole mixture.ini
    for n in 1 2 3 4 8; do
        check_ranks shared $n mixture.ini
        check_ranks separate $n mixture.ini
    done
    check_ranks shared 2 mixture.ini --threads 2
    check_ranks separate 2 mixture.ini --threads 2
}

# All kinds of models and of steps. Importance resampling and refined posteriors pass images in groups.
check_kinds() {
    while read -r options <&3; do
        rm -rf whole
        # shellcheck disable=SC2086
        train whole $options
        # shellcheck disable=SC2086
        check_ranks shared 2 $options
        # shellcheck disable=SC2086
        check_ranks separate 3 $options
    done 3<< END
small.ini
by-class.ini
mixture.ini --set train.samples=3 --set train.objective=iwae
mixture.ini --set train.samples=3 --set train.objective=iwae --set train.resampling=importance
mixture.ini --set train.fine_tune_epochs=1
mixture.ini --set model.prior_flow=glow --set model.base=student-t --set model.base_fit=lm+grad
mixture.ini --set model.prior_flow=maf --set model.posterior=gk --set model.base_fit=grad
mixture.ini --set data.binarization=grey --set model.likelihood=logistic-mixture --epochs 1
mixture.ini --set model.net=conv --set model.half_channels=8 --set model.quarter_channels=8 --epochs 1
mixture.ini --set train.batch=7 --set train.augmentation=0.5 --epochs 1
mixture.ini --set train.patience=1 --set train.learning_rate=0.05 --epochs 6
small.ini --set train.learning_rate=1 --set train.clip_norm=0 --set train.weight_decay=100 --epochs 6
END
    # the last model has steps that are not finite, on all ranks
    tail -n 1 run/history.jsonl | grep -qE '"rollbacks": [1-9]' || fail "$mpi: no rollback"
}

check_ends() {
    local memory first epochs=120 # seconds, because Open MPI's mpirun passes a SIGINT on after one
    rm -rf whole
    train whole mixture.ini --epochs $epochs
    begin_job separate
    kill -s INT "$(pgrep -P "$(pgrep -x -P "$job" timeout)")"
    end_job "SIGINT to the launcher" "the checkpoint is saved"
    resume "SIGINT to the launcher"
    begin_job shared
    kill -s TERM "$first"
    end_job "SIGTERM to a rank" "the checkpoint is saved"
    resume "SIGTERM to a rank"
    for memory in shared separate; do
        begin_job $memory
        kill_rank 1 "$first" "training in $memory memory" || fail "$mpi: $memory memory: training has ended"
        resume "SIGKILL, $memory memory"
    done
    begin_job shared
    kill -s STOP "$first"
    end_job "a rank that does not answer" "rank 1"
    kill -s KILL "$first" 2> /dev/null
    resume "a rank that does not answer"
}

# A rank whose files differ is refused before anything is written. Each rank has a folder of its own here.
check_refusals() {
    rm -rf here there refused
    mkdir -p here/data/mnist-small there/data/mnist-small
    cp "$source"/tests/fixtures/mnist-small/* here/data/mnist-small
    cp "$source"/tests/fixtures/mnist-small/* there/data/mnist-small
    zcat there/data/mnist-small/train-images-idx3-ubyte.gz > images
    printf '\1' | dd of=images bs=1 seek=5000 conv=notrunc status=none
    gzip -c images > there/data/mnist-small/train-images-idx3-ubyte.gz
    cp small.ini here
    sed 's/latent = 6/latent = 5/' small.ini > there/small.ini
    local command="train small.ini --data-folder data --out $PWD/refused"
    # shellcheck disable=SC2086
    expect 4 "the SHA-256 of the training images differs between ranks" "mpirun.$mpi" \
        -n 1 -wdir "$PWD/here" "$gkvae" $command : -n 1 -wdir "$PWD/there" "$gkvae" $command
    cp here/data/mnist-small/* there/data/mnist-small
    # shellcheck disable=SC2086
    expect 4 "the setting model.latent differs between ranks" "mpirun.$mpi" \
        -n 1 -wdir "$PWD/here" "$gkvae" $command : -n 1 -wdir "$PWD/there" "$gkvae" $command
    [ -e refused ] && fail "$mpi: refused ranks made a folder"
    expect_ranks 4 "already holds a run" 2 "$gkvae" train small.ini --out whole
    GKVAE_MPI_MEMORY=some expect_ranks 4 "GKVAE_MPI_MEMORY=some" 2 "$gkvae" train small.ini --out refused
}

found=
for mpi in openmpi mpich; do
    [ -e "$build/libgkvae-$mpi.so" ] || continue
    check_numbers
    [ -n "$found" ] || check_kinds # what a kind sends does not depend on the launcher
    found=yes
    check_ends
    check_refusals
done
[ -n "$found" ] || fail "the build has no MPI support: configure it with -DGKV_MPI=ON"
finish
