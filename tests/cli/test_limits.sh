# Narrow terminals and a small stack.
. "$2/tests/cli/lib.sh"

# The line of an epoch fits the terminal; elsewhere it has all its parts.
expect 0 "(reconstruction" "$gkvae" train small.ini --out run
grep -q "refit: .* g .*, k " output || fail "the lines of epochs have not all parts: $(cat output)"
if command -v script > /dev/null; then
    COLUMNS=80 script -qec "stty cols 80; '$gkvae' train small.ini --out narrow 2> /dev/null" /dev/null > typescript
    tr -d '\r' < typescript | grep "^epoch" > lines
    [ "$(wc -l < lines)" -eq 2 ] || fail "no lines of epochs on a terminal: $(cat typescript)"
    [ "$(LC_ALL=C.UTF-8 wc -L < lines)" -le 80 ] || fail "a line is wider than the terminal: $(cat lines)"
    grep -q "validation" lines || fail "the validation is not among the first parts: $(cat lines)"
fi

# The least stack that is accepted is enough, and a smaller one is refused.
if [ -z "${GKV_NO_STACK_LIMITS:-}" ]; then
    (ulimit -s 128 && "$gkvae" train small.ini --out small) > output 2>&1
    code=$?
    [ $code -eq 8 ] && grep -q "the stack is limited to 128 KiB" output || fail "a stack of 128 KiB: $code: $(cat output)"
    (ulimit -s 512 && "$gkvae" train mixture.ini --out small && "$gkvae" eval small --samples 1 --refine lm:1 &&
        "$gkvae" fit "$source/examples/returns/returns.csv" --mixture 2) > output 2>&1 || fail "a stack of 512 KiB: $(tail -3 output)"
fi
finish
