# The manual pages: every option and command of --help is in them, and nothing of theirs is
# unknown to the program; groff finds nothing to warn of.
. "$2/tests/cli/lib.sh"
man=$source/man

# The source of an option "--name" is "Fl -name".
for command in bench compare fit gk; do
    page=$man/gkvae-$command.1
    expect 0 "Usage: gkvae $command" "$gkvae" $command --help
    cp output help
    sed -n 's/^  *\(-., \)\{0,1\}--\([a-z][a-z-]*\).*/\2/p' help | sort -u > in_help
    [ "$(wc -l < in_help)" -gt 5 ] || fail "$command: no options in the help"
    while read -r option; do
        grep -qE "(Fl|,) -$option( |$)" "$page" || fail "$page: no word of --$option"
    done < in_help
    sed -n 's/^\.It Fl \([a-zA-Z]\) , -\([a-z-]*\).*/\1 \2/p' "$page" > in_page
    [ "$(wc -l < in_page)" -gt 5 ] || fail "$page: no options in the page"
    while read -r letter option; do
        grep -qE -e "-$letter, --$option([=, ]|$)" help || fail "$page: gkvae $command has no -$letter, --$option"
    done < in_page
done
expect 0 "" "$gkvae" --help
sed -n '/^Usage/,/^gkvae COMMAND/s/^  \([a-z]* \{0,1\}[a-z]*\)  .*/\1/p' output | sed 's/ *$//' > commands
[ "$(wc -l < commands)" -gt 8 ] || fail "no commands in gkvae --help: $(cat output)"
while read -r command; do
    grep -q "^.It Cm $command\$" "$man/gkvae.1" || fail "gkvae.1: no word of gkvae $command"
done < commands
for code in 0 1 2 3 4 5 6 7 8 129 130 143; do
    grep -q "^.It $code\$" "$man/gkvae.1" || fail "gkvae.1: no exit code $code"
done

if command -v groff > /dev/null; then
    for page in "$man"/*.1; do
        groff -mdoc -ww -K utf8 -T utf8 -z "$page" > warnings 2>&1 || fail "$page: groff failed"
        grep -v "can't find macro file\|cannot load" warnings > real && fail "$page: $(cat real)"
    done
fi
finish
