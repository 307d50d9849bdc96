# Training of several ranks: check_train.sh PROGRAM SOURCE [LAUNCHER…], with mpirun.openmpi and mpirun.mpich where they
# are installed if no launcher is named. Every number of ranks writes the files of one process, whatever stops a job.
. "$2/tests/cli/lib.sh"
shift 2
[ $# -gt 0 ] || set -- mpirun.openmpi mpirun.mpich
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1

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

# ranks MEMORY N OPTION…: trains on N ranks in the folder `run`, and compares it with the folder `whole`. The ranks have
# `shared` memory, or each has its own, `separate`, and they send messages as between machines.
ranks() {
    local memory=$1 n=$2 code=0
    shift 2
    rm -rf run
    GKVAE_MPI_MEMORY=$memory timeout 240 "$launcher" -n "$n" "$gkvae" train "$@" --out run -q \
        < /dev/null > output 2>&1 || code=$?
    [ $code -eq 0 ] || fail "$launcher -n $n: exit code $code: train $*: $(cat output)"
    same whole run "$launcher -n $n, $memory memory: train $*"
}

# The standard error of a rank, in a file: what a launcher passes on is not certain when it is interrupted itself.
cat > direct << 'END'
#!/bin/sh
exec "$@" 2>> messages
END
chmod +x direct

# begin_job MEMORY: a job of 3 ranks in the folder `run`, which something happens to after its first epoch.
begin_job() {
    local i
    rm -rf run messages
    GKVAE_MPI_MEMORY=$1 timeout 240 "$launcher" -n 3 ./direct "$gkvae" train mixture.ini --epochs 40 --out run \
        > lines 2>&1 &
    job=$!
    for i in $(seq 2400); do
        [ "$(cat run/history.csv 2> /dev/null | wc -l)" -lt 2 ] || return
        sleep 0.05
    done
    fail "$launcher: no first epoch within 120 s: $(cat lines messages)"
}

# The process of rank 1.
rank_1() {
    local folder
    for folder in /proc/[0-9]*; do
        [ "$(cat "$folder/comm" 2> /dev/null)" = gkvae ] && [ "$(readlink "$folder/cwd")" = "$PWD" ] &&
            grep -qzE '^(OMPI_COMM_WORLD_RANK|PMI_RANK)=1$' "$folder/environ" && echo "${folder#/proc/}" && return
    done
}

# end_job WHAT TEXT: the job ends by itself, with a text, and 2 ranks resume it to the files of one process.
end_job() {
    local code=0
    wait "$job" || code=$?
    [ $code -ne 0 ] || fail "$launcher: $1: the job succeeded"
    [ $code -ne 124 ] || fail "$launcher: $1: the job did not end within 240 s"
    [ -z "$2" ] || grep -qF -e "$2" messages || fail "$launcher: $1: no \"$2\": $(cat messages)"
    "$launcher" -n 2 "$gkvae" train --resume --out run -q > output 2>&1 || fail "$launcher: $1: resuming: $(cat output)"
    same whole run "$launcher: $1"
}

check_numbers() {
    local n
    rm -rf whole
    train whole mixture.ini
    for n in 1 2 3 4; do
        ranks shared $n mixture.ini
        ranks separate $n mixture.ini
    done
    ranks shared 2 mixture.ini --threads 2
    ranks separate 2 mixture.ini --threads 2
}

# All kinds of models and of steps. Importance resampling and refined posteriors pass images in groups.
check_kinds() {
    while read -r options <&3; do
        rm -rf whole
        # shellcheck disable=SC2086
        train whole $options
        # shellcheck disable=SC2086
        ranks shared 2 $options
        # shellcheck disable=SC2086
        ranks separate 3 $options
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
    tail -n 1 run/history.jsonl | grep -qE '"rollbacks": [1-9]' || fail "$launcher: no rollback"
}

check_ends() {
    local memory
    rm -rf whole
    train whole mixture.ini --epochs 40
    begin_job separate
    kill -s INT "$(pgrep -P "$job")" # the launcher, below timeout
    end_job "SIGINT to the launcher" ""
    begin_job shared
    kill -s TERM "$(rank_1)"
    end_job "SIGTERM to a rank" "the checkpoint is saved"
    for memory in shared separate; do
        begin_job $memory
        kill -s KILL "$(rank_1)"
        end_job "SIGKILL, $memory memory" ""
    done
    begin_job shared
    local halted
    halted=$(rank_1)
    kill -s STOP "$halted"
    end_job "a rank that does not answer" "rank 1"
    kill -s KILL "$halted" 2> /dev/null
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
    expect 4 "the SHA-256 of the training images differs between ranks" "$launcher" \
        -n 1 -wdir "$PWD/here" "$gkvae" $command : -n 1 -wdir "$PWD/there" "$gkvae" $command
    cp here/data/mnist-small/* there/data/mnist-small
    # shellcheck disable=SC2086
    expect 4 "the setting model.latent differs between ranks" "$launcher" \
        -n 1 -wdir "$PWD/here" "$gkvae" $command : -n 1 -wdir "$PWD/there" "$gkvae" $command
    [ -e refused ] && fail "$launcher: refused ranks made a folder"
    expect 4 "already holds a run" "$launcher" -n 2 "$gkvae" train small.ini --out whole
    GKVAE_MPI_MEMORY=some expect 4 "GKVAE_MPI_MEMORY=some" "$launcher" -n 2 "$gkvae" train small.ini --out refused
}

tried=0
for launcher; do
    command -v "$launcher" > /dev/null || continue
    tried=$((tried + 1))
    check_numbers
    [ $tried -gt 1 ] || check_kinds # what a kind sends does not depend on the launcher
    check_ends
    check_refusals
done
[ $tried -gt 0 ] || fail "there is no launcher: $*"
finish
