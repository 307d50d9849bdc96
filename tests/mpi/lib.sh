# Functions for the tests of ranks, which source this file after tests/cli/lib.sh. $mpi is openmpi or mpich.
# shellcheck shell=bash disable=SC2030,SC2031,SC2154
export OMP_NUM_THREADS=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
unset GKVAE_MPI GKVAE_MPI_MEMORY

# The standard error of a rank, in a file: what a launcher passes on is not certain at the end of a job that failed.
cat > direct << 'END_OF_DIRECT'
#!/bin/sh
exec "$@" 2>> "$ERRORS"
END_OF_DIRECT
chmod +x direct
export ERRORS=$work/errors

# ranks N COMMAND…: the command on N ranks of the current MPI, at most RANKS_SECONDS, or 240 (exit code 124).
ranks() {
    local n=$1 code=0
    shift
    : > "$ERRORS"
    timeout -k 10 "${RANKS_SECONDS-240}" "mpirun.$mpi" -n "$n" "$work/direct" "$@" || code=$?
    cat "$ERRORS" >&2
    return $code
}

# expect_ranks CODE TEXT N COMMAND…: as expect, on N ranks.
expect_ranks() {
    local code=$1 text=$2 n=$3
    shift 3
    expect "$code" "$text" ranks "$n" "$@"
}

# beside CODE PATTERN N COMMAND…: the same in the background, for jobs that mostly wait. One line has the pattern.
# `together` waits for all of them.
begun=()
beside() {
    local code=$1 pattern=$2 place=$work/beside-${#begun[@]}
    shift 2
    (
        ERRORS=$place.errors
        got=0
        ranks "$@" > "$place.output" 2>&1 || got=$?
        lines=$(grep -c -e "$pattern" "$place.output")
        [ "$got" -eq "$code" ] && [ "$lines" -eq 1 ] && exit
        echo "$mpi: exit code $got, not $code, or $lines lines with \"$pattern\", not 1: $*"
        sed 's/^/    /' "$place.output"
        exit 1
    ) > "$place.verdict" &
    begun+=($!)
}

together() {
    local i
    for i in "${!begun[@]}"; do
        wait "${begun[$i]}" || fail "$(cat "$work/beside-$i.verdict")"
    done
    begun=()
}

# begin N COMMAND…: the command on N ranks in the background, as job $job.
begin() {
    begun_job=$work-$SRANDOM
    RANKS_OF_TEST=$begun_job ranks "$@" > output 2>&1 &
    job=$!
}

# has PROCESS PATTERN: whether a line of its environment is this.
has() {
    grep -qzxE -e "$2" "/proc/$1/environ" 2> /dev/null
}

# process_of RANK: the process of a rank of the job that has begun last, once there is one.
process_of() {
    local i pid
    for i in $(seq 1200); do
        for pid in $(pgrep -x gkvae); do
            has "$pid" "RANKS_OF_TEST=$begun_job" && has "$pid" "(OMPI_COMM_WORLD_RANK|PMI_RANK)=$1" &&
                echo "$pid" && return
        done
        sleep .05
    done
    echo "no process of rank $1" >&2
    return 1
}

# is_left: whether a process of that job is there.
is_left() {
    local pid
    for pid in $(pgrep -x gkvae); do
        ! has "$pid" "RANKS_OF_TEST=$begun_job" || return 0
    done
    return 1
}

# until_there FILE TEXT: waits, at most 120 seconds, until the file is there and has the text.
until_there() {
    local i
    for i in $(seq 2400); do
        ! grep -qF -e "$2" "$1" 2> /dev/null || return
        sleep .05
    done
    fail "$mpi: no \"$2\" in $1 within 120 s: $(cat output "$ERRORS")"
}

# free_launcher: waits for the end of the job, at most 35 seconds. Open MPI's mpirun may wait for itself for ever when all
# ranks have ended (in pmix_rte_finalize()): then it is killed. 0 if so.
free_launcher() {
    local i pid gone=0
    for i in $(seq 350); do
        kill -0 "$job" 2> /dev/null || return 1
        is_left && gone=0 || gone=$((gone + 1))
        if [ $gone -ge 100 ]; then
            for pid in $(pgrep -f "^mpirun.$mpi"); do
                ! has "$pid" "RANKS_OF_TEST=$begun_job" || kill -9 "$pid"
            done
            return 0
        fi
        sleep .1
    done
    return 1
}

# kill_rank RANK PROCESS WHAT: kills a rank of the job, which must end within 30 seconds. Open MPI names the rank, and
# MPICH a process; which one is not certain, because it kills the others too. 1 if the rank has ended by itself.
kill_rank() {
    local pid=$2 code=0 began=$SECONDS
    kill -9 "$pid" 2> /dev/null || { wait "$job"; return 1; }
    if free_launcher; then
        echo "mpirun.$mpi did not end after its ranks had ended: $3" >&2
        wait "$job"
        return 0
    fi
    wait "$job" || code=$?
    [ $code -ne 0 ] || fail "$mpi: $3: exit code 0 though rank $1 was killed"
    [ $((SECONDS - began)) -le 30 ] || fail "$mpi: $3: $((SECONDS - began)) s until the job has ended"
    grep -q -e "process rank $1 with PID" -e "PID [1-9][0-9]* RUNNING AT" output ||
        fail "$mpi: $3: rank $1 is not named: $(cat output)"
    for code in $(seq 600); do
        is_left || return 0
        sleep .05
    done
    fail "$mpi: $3: ranks are left over"
}
