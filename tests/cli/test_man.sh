# The manual pages: they contain exactly the options and commands of --help, and groff gives no
# warning.
. "$2/tests/cli/lib.sh"
man=$source/man

expect 0 "" "$gkvae" --help
sed -n '/^Usage/,/^gkvae COMMAND/s/^  \([a-z]* \{0,1\}[a-z-]*\)  .*/\1/p' output | sed 's/ *$//' > commands
[ "$(wc -l < commands)" -gt 8 ] || fail "no commands in gkvae --help: $(cat output)"

# Every command but version has a page, and every page a command. The source of an option "--name"
# is "Fl -name". The page also contains the choices of an option.
while read -r command; do
    [ "$command" = version ] && continue
    name=gkvae-${command/ /-}
    page=$man/$name.1
    echo "$name.1" >> pages
    [ -e "$page" ] || { fail "there is no $page"; continue; }
    grep -q "^\.Nm $name\$" "$page" || fail "$page: it has another name"
    grep -q "Xr $name 1" "$man/gkvae.1" || fail "gkvae.1 does not refer to $name"
    # shellcheck disable=SC2086
    expect 0 "Usage: gkvae $command" "$gkvae" $command --help
    cp output help
    sed -n 's/^  *\(-., \)\{0,1\}--\([a-z][a-z-]*\).*/\2/p' help | sort -u > in_help
    [ "$(wc -l < in_help)" -ge 2 ] || fail "$command: no options in the help"
    while read -r option; do
        grep -qE "(Fl|,) -$option( |$)" "$page" || fail "$page: --$option is missing"
    done < in_help
    sed -n 's/^\.It Fl \([a-zA-Z]\) , -\([a-z-]*\).*/\1 \2/p' "$page" > in_page
    [ "$(grep -cE '^  -[a-zA-Z], --' help)" -eq "$(wc -l < in_page)" ] ||
        fail "$page: not as many options as in the help"
    while read -r letter option; do
        grep -qE -e "-$letter, --$option([=, ]|$)" help || fail "$page: gkvae $command has no -$letter, --$option"
    done < in_page
    sed -n 's/^\.It Fl -\([a-z-]*\).*/\1/p' "$page" > in_page
    while read -r option; do
        grep -q -e "--$option" help || fail "$page: gkvae $command has no --$option"
    done < in_page
    sed -n 's/^  -\(.\), --[a-z-]*=\([a-z|-]*|[a-z|-]*\)\( .*\)\{0,1\}$/\1 \2/p' help > choices
    while read -r letter words; do
        grep -qE "^\.It Fl $letter .*Cm ${words//|/ \\| }( |$)" "$page" ||
            fail "$page: --$letter does not have the words $words in this order"
    done < choices
done < commands
(cd "$man" && ls gkvae-*.1) | sort > there
sort pages | cmp -s - there || fail "pages and commands differ: $(sort pages | diff - there)"
while read -r command; do
    grep -q "^.It Cm $command\$" "$man/gkvae.1" || fail "gkvae.1: gkvae $command is missing"
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
