#!/usr/bin/env bash
# All tests of ranks, side by side because many of them wait: check_all.sh BUILD SOURCE.
cd "$(dirname "$0")" || exit
build=$(cd "$OLDPWD" && cd "$1" && pwd)
root=$(cd "$OLDPWD" && cd "$2" && pwd)
jobs=()
for name in mpi fits train; do
    ./check_$name.sh "$build" "$root" &
    jobs+=($!)
done
failed=0
for job in "${jobs[@]}"; do
    wait "$job" || failed=1
done
[ $failed -eq 0 ] && echo "check-mpi: passed"
exit $failed
