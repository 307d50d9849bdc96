#!/usr/bin/env bash
# Processes that a launcher started together, without MPI support: they are refused, and not run as if each were
# alone. And --shard, which needs no MPI.
source "$(dirname "$0")/lib.sh"
unset OMPI_COMM_WORLD_SIZE OMPI_COMM_WORLD_RANK PMI_SIZE PMI_RANK PMIX_RANK MPI_LOCALNRANKS MPI_LOCALRANKID \
    SLURM_STEP_NUM_TASKS SLURM_PROCID GKVAE_MPI

# --- Launchers ------------------------------------------------------------------------------------

cp "$gkvae" lonely # without the shared objects beside it
for launcher in OMPI_COMM_WORLD_SIZE PMI_SIZE MV2_COMM_WORLD_SIZE SLURM_STEP_NUM_TASKS; do
    expect 4 "started 4 processes ($launcher)" env "$launcher=4" ./lonely eval run
    expect 4 "cmake -DGKV_MPI=ON" env "$launcher=4" ./lonely compare --plan plan.ini
    expect 2 "gkvae fit without --bootstrap or --mixture as if it were alone" env "$launcher=4" ./lonely fit table.csv
    expect 5 "run: cannot read" env "$launcher=1" ./lonely eval run
    expect 5 "run: cannot read" env "$launcher=4" GKVAE_MPI=off ./lonely eval run
done
# MPICH says how many ranks are on this machine, not how many there are
expect 4 "several processes (MPI_LOCALRANKID)" env MPI_LOCALNRANKS=1 MPI_LOCALRANKID=0 ./lonely eval run
expect 4 "PMIX_RANK" env PMIX_RANK=1 ./lonely eval run
expect 2 "gkvae compare as if it were alone" env PMI_SIZE=2 ./lonely compare run
expect 2 "gkvae bench as if it were alone" env PMI_SIZE=2 ./lonely bench
expect 4 "started 2 processes" env PMI_SIZE=2 ./lonely bench -S
expect 4 "mpi.so: there is no such file" env PMI_SIZE=2 GKVAE_MPI=/nowhere/mpi.so ./lonely eval run
echo "no shared object" > broken.so
expect 4 "broken.so cannot be loaded" env PMI_SIZE=2 GKVAE_MPI=./broken.so ./lonely eval run
expect 0 "gkvae 0" env PMI_SIZE=2 ./lonely version
# tasks of a Slurm array, and a batch script, are alone
expect 5 "run: cannot read" env SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_COUNT=8 SLURM_NTASKS=4 SLURM_PROCID=0 \
    ./lonely eval run

# --- Shards ---------------------------------------------------------------------------------------

configuration "" "" > small.ini
cat > plan.ini << 'END'
[plan]
config = small.ini
seeds = 1-2
eval = --no-generation
[model a]
[model b]
model.latent = 4
[model c]
from = a
fit.base = normal
END
for shard in 0/2 3/2 1/0 1 1/2/3 -1/2 a/b ""; do
    expect 2 "--shard $shard" "$gkvae" compare --plan plan.ini --shard="$shard"
done
expect 2 "leave one out" "$gkvae" compare --plan plan.ini --shard 1/2 --table
expect 2 "options of a plan" "$gkvae" compare run --shard 1/2
# also as tasks of one srun, whose steps are processes alone
expect 0 "shard 1 of 2 is done" env SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=0 ./lonely compare --plan plan.ini --out plan \
    -s 1/2
first=$(ls -d plan/*/ | sort)
expect 0 "shard 2 of 2 is done" "$gkvae" compare --plan plan.ini --out plan --shard 2/2
[ ! -e plan/index.html ] || fail "a shard has written the page"
[ "$(ls -d plan/*/ | wc -l)" = 6 ] || fail "the shards have not made 6 runs"
case $(echo "$first" | wc -l) in 2 | 3 | 4) ;; *) fail "one shard made: $first" ;; esac
# a model and what is fitted to its codes are in one shard
for seed in 1 2; do
    [ "$(echo "$first" | grep -c "a-$seed")" = "$(echo "$first" | grep -c "c-$seed")" ] || fail "c without its a"
done
expect 0 "0 steps to do" "$gkvae" compare --plan plan.ini --out plan
[ -e plan/index.html ] || fail "no page after the shards"
expect 0 "0 steps to do" "$gkvae" compare --plan plan.ini --out plan --shard 1/2
finish
