#!/usr/bin/env bash
# Fits by the ranks of MPI jobs: check_fits.sh BUILD SOURCE, under each MPI that the build supports. Any number of ranks
# gives what one process gives, to the bit. If a rank is killed, whenever that is, files are whole, and the next start
# succeeds.
set -u
build=$(cd "$1" && pwd)
root=$(cd "$2" && pwd)
source "$root/tests/cli/lib.sh" "$build/gkvae" "$root"
source "$root/tests/mpi/lib.sh"

# table ROWS: two groups of rows, and a heavy tail.
table() {
    awk -v rows="$1" 'BEGIN {
        print "first,second"
        for (i = 1; i <= rows; i++) {
            u = (i * 0.6180339887) % 1; v = (i * 0.7548776662) % 1; w = sqrt(-2 * log(u + 1e-9))
            x = w * cos(6.283185307 * v); y = w * sin(6.283185307 * v); shift = i % 3 ? 0 : 4
            printf "%.9g,%.9g\n", x * exp(0.1 * x * x) + shift, y + 0.5 * x - shift
        }
    }'
}
table 300 > table.csv
table 1000 > long.csv

# fit, FILE, OPTION…: one process; the JSON in a file.
fit() {
    local file=$1
    shift
    "$gkvae" fit "$@" --json -q > "$file" 2> output || fail "fit $*: $(cat output)"
}
fits=("--bootstrap 40 --column first" "--bootstrap 30 --nonparametric --method mle"
    "--mixture 2..3 --restarts 5" "--mixture 3 --normal --restarts 4 --held-out 0.1")
for i in "${!fits[@]}"; do
    # shellcheck disable=SC2086
    fit "fit-$i.json" table.csv ${fits[$i]}
done

density=(density fit table.csv --updates 40 --folds 3)
one_fold=(density fit table.csv --updates 20 --folds 1 --candidates "flow,gk-mixture" --no-page)
"$gkvae" "${density[@]}" --out whole > /dev/null 2>&1 || fail "density"
"$gkvae" "${one_fold[@]}" --out one-fold > /dev/null 2>&1 || fail "density by one fold"

# What takes long enough to be killed, and what one process makes of it.
bootstrap=(fit table.csv --bootstrap 20000 --column first --json)
mixture=(fit long.csv --mixture 4..5 --restarts 6 --tolerance 0 --responsibilities clusters.csv --picture clusters.png)
"$gkvae" "${bootstrap[@]}" -q > bootstrap.json 2> /dev/null || fail "bootstrap"
"$gkvae" "${mixture[@]}" -q > /dev/null 2>&1 || fail "mixture"
mv clusters.csv whole.csv
mv clusters.png whole.png
echo older > older

# same_density N: N ranks write the files of one process.
same_density() {
    local file
    expect_ranks 0 "kept in ranks" "$1" "$gkvae" "${density[@]}" --out ranks --overwrite
    for file in density.safetensors density.json; do
        cmp "whole/$file" "ranks/$file" || fail "$mpi: another $file by $1 ranks"
    done
}

check_bits() {
    local i n
    for i in "${!fits[@]}"; do # replicates of a bootstrap, and starts of a mixture
        for n in $([ $((i % 2)) = 0 ] && seq 2 4 || echo 3); do
            # shellcheck disable=SC2086
            ranks "$n" "$gkvae" fit table.csv ${fits[$i]} --json -q -t $((n % 2 + 1)) > fit.json 2> output ||
                fail "$mpi: fit on $n ranks: $(cat output)"
            cmp fit.json "fit-$i.json" || fail "$mpi: another fit on $n ranks: ${fits[$i]}"
        done
    done
    for n in 2 4; do # candidates and folds; 3 ranks are below
        same_density "$n"
    done
    expect_ranks 0 "" 3 "$gkvae" "${one_fold[@]}" --out ranks --overwrite
    cmp one-fold/density.safetensors ranks/density.safetensors || fail "$mpi: another density by one fold"
}

# killed_when TEXT RANK COMMAND…: kills a rank of 3 once rank 0 has told the text, or at once if it is empty.
killed_when() {
    local text=$1 rank=$2 i process
    shift 2
    for i in 1 2 3; do # on a machine that is busy, the job may be too quick
        begin 3 "$gkvae" "$@"
        process=$(process_of "$rank")
        [ -z "$text" ] || until_there "$ERRORS" "$text"
        ! kill_rank "$rank" "$process" "killed at \"$text\": $*" || return
    done
    fail "$mpi: rank $rank could not be killed at \"$text\": $*"
}

# old_or_whole FILE OLD WHOLE: nothing else may be there after a rank has been killed.
old_or_whole() {
    cmp -s "$1" "$2" || cmp -s "$1" "$3" || fail "$mpi: $1 is neither the old file nor a whole one"
}

# The figures of a bootstrap are printed at its end. Its progress is that of all ranks.
check_bootstrap() {
    [ "$1" = some ] || killed_when "" 2 "${bootstrap[@]}"
    killed_when "of 20000" 1 "${bootstrap[@]}"
    [ "$(grep -c '^{' output)" -eq "$(grep -c '^}' output)" ] || fail "$mpi: half a result: $(cat output)"
    ranks 3 "$gkvae" "${bootstrap[@]}" > bootstrap-again.json 2> output || fail "$mpi: bootstrap: $(cat output)"
    cmp bootstrap.json bootstrap-again.json || fail "$mpi: another bootstrap after ranks were killed"
    grep -q "bootstrap 20000 of 20000" output || fail "$mpi: the progress of all ranks: $(cat output)"
}

# The files of a mixture are written at its end.
check_mixture() {
    local text
    [ "$1" = some ] || for text in "" "start 1 of" "iteration 0"; do
        cp older clusters.csv
        cp older clusters.png
        killed_when "$text" 2 "${mixture[@]}"
        old_or_whole clusters.csv older whole.csv
        old_or_whole clusters.png older whole.png
    done
    killed_when "5 components: start" 2 "${mixture[@]}"
    expect_ranks 0 "" 3 "$gkvae" "${mixture[@]}"
    for text in csv png; do
        cmp clusters.$text whole.$text || fail "$mpi: another mixture after ranks were killed: clusters.$text"
    done
}

check_density() {
    local text file first
    for text in $([ "$1" = some ] || echo margins fold.1/3) fold.3/3; do
        rm -rf ranks
        cp -r one-fold ranks
        killed_when "${text/./ }" 2 "${density[@]}" --out ranks --overwrite
        for file in density.safetensors density.json; do
            old_or_whole ranks/$file one-fold/$file whole/$file
        done
    done
    # Rank 0 is killed while it writes, unless it has ended by then.
    rm -rf ranks
    begin 3 "$gkvae" "${density[@]}" --out ranks
    first=$(process_of 0)
    until_there ranks/density.safetensors ""
    kill -9 "$first" 2> /dev/null
    wait "$job"
    for file in density.safetensors density.json margins-1.png pair-1.png calibration-1.png; do
        [ ! -e "ranks/$file" ] || cmp "whole/$file" "ranks/$file" || fail "$mpi: $file is not whole"
    done
    [ ! -e ranks/index.html ] || grep -q "</html>" ranks/index.html || fail "$mpi: index.html is not whole"
    same_density 3
}

# check all|some: what happens in a phase of a fit does not depend on the launcher, so the second one has fewer.
check() {
    beside 2 "is for one process" 2 "$gkvae" fit table.csv
    beside 2 "cannot share standard input" 2 "$gkvae" fit - --bootstrap 40
    beside 2 "is for one process" 2 "$gkvae" "${density[@]}" --out whole --resume
    beside 4 "the folder has a density" 2 "$gkvae" "${density[@]}" --out whole
    GKVAE_MPI_MEMORY=some beside 4 "rank 0 (.*GKVAE_MPI_MEMORY=some" 2 "$gkvae" fit table.csv --bootstrap 40
    check_bits
    check_bootstrap "$1"
    check_mixture "$1"
    check_density "$1"
    together
}

found=
for mpi in openmpi mpich; do
    [ -e "$build/libgkvae-$mpi.so" ] || continue
    check "${found:-all}"
    found=some
done
[ -n "$found" ] || fail "the build has no MPI support: configure it with -DGKV_MPI=ON"
finish
