# gkvae completion: the script for bash is called in the way of bash. Those for zsh and fish are tested if these
# shells are installed.
. "$2/tests/cli/lib.sh"

for shell in bash zsh fish; do
    expect 0 "made by \`gkvae completion $shell\`" "$gkvae" completion $shell
    cp output script.$shell
    grep -E "\((required|needed|default)" output && fail "the $shell script has the ends of help texts"
done
expect 2 "bash, zsh or fish" "$gkvae" completion
expect 2 "tcsh: must be bash, zsh or fish" "$gkvae" completion tcsh
expect 2 "too many" "$gkvae" completion bash zsh

bash -n script.bash || fail "bash does not read its script"
. ./script.bash
complete -p gkvae | grep -q -- "-F _gkvae gkvae" || fail "gkvae has no completion"

# reply WORD…: prints the completions of the last word. The words are split in the way of bash.
reply() {
    COMP_WORDS=(gkvae "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _gkvae
    echo "${COMPREPLY[*]}"
}
# offers WORDS WORD…: the completions of the last word are exactly WORDS.
offers() {
    local wanted=$1 words
    shift
    words=$(reply "$@")
    [ "$words" = "$wanted" ] || fail "gkvae $*: \"$words\", not \"$wanted\""
}

offers "train" tr
offers "compare completion" comp
offers "get info import list" data ""
offers "fit" base ""
offers "mnist fashion-mnist unifont" data get ""
offers "octile lm mle" fit --method ""
offers "octile lm mle" fit data.csv -m ""
offers "mle" fit --method = ml
offers "octile lm mle" fit --method =
offers "train test" encode run --split ""
offers "gk-copula gk-mixture gk-by-class" base fit run --base gk-
offers "--base --components --covariance --rank --tied-shapes --codes --out --update --quiet --threads --data-folder --set --help" \
    base fit --
offers "--out" features train --ou
offers "--out" features --ou
offers "--epochs" help features train --ep
offers "--resume" train --re
offers "--resume" help train --re
offers "pdf" gk p
offers "quantile" gk --upper q
offers "" train --epochs ""
offers "" settings ""
offers "bash zsh fish" completion ""
offers "train.epochs=" train --set train.ep
offers "lm lm+grad" train --set model.base_fit = lm
offers "lm lm+grad" train --set = model.base_fit = lm
offers "dynamic static grey continuous" eval run -s data.binarization =

# Files and folders, with blanks in their names.
mkdir here
cd here || exit 1
mkdir "a run" runs
touch a.ini b.txt "c d.ini"
offers "a run" sample "a r"
offers "a run runs a.ini b.txt c d.ini" fit ""
offers "a run runs a.ini c d.ini" train ""
offers "a run runs" train --out ""
offers "b.txt" eval run --figures = b
[ "$(reply fit c > /dev/null; COMP_WORDS=(gkvae fit c) COMP_CWORD=2; _gkvae; echo ${#COMPREPLY[@]})" = 1 ] ||
    fail "a file with a blank is several"

cd ..
# "=" does not split words here.
COMP_WORDBREAKS=$' \t\n'
offers "--method=mle" fit --method=m
offers "model.base_fit=grad" train --set model.base_fit=g
offers "--set=model.base_fit=grad" train --set=model.base_fit=g

# Every option of every command is offered.
"$gkvae" --help | sed -n '/^Usage/,/^gkvae COMMAND/s/^  \([a-z]* \{0,1\}[a-z-]*\)  .*/\1/p' | sed 's/ *$//' > commands
[ "$(wc -l < commands)" -gt 15 ] || fail "no commands in gkvae --help"
while read -r command; do
    # shellcheck disable=SC2086
    "$gkvae" $command --help | sed -n 's/^  \(-., \|    \)--\([a-z][a-z-]*\).*/\2/p' | grep -vx 'usage' | sort > in_help
    # shellcheck disable=SC2086
    reply $command -- | tr ' ' '\n' | sed 's/^--//' | sort > offered
    cmp -s in_help offered || fail "gkvae $command: $(diff in_help offered)"
done < commands

if command -v zsh > /dev/null; then
    zsh -n script.zsh || fail "zsh does not read its script"
fi
if command -v fish > /dev/null; then
    fish -n script.fish || fail "fish does not read its script"
    # fish_offers WORDS LINE
    fish_offers() {
        local words
        words=$(HOME=$work fish -c "source script.fish; complete -C '$2'" | cut -f1 | sort | tr '\n' ' ')
        [ "$words" = "$1 " ] || fail "fish: $2: \"$words\", not \"$1\""
    }
    fish_offers "get info import list" "gkvae data "
    fish_offers "lm mle octile" "gkvae fit --method "
    fish_offers "--resume" "gkvae train --re"
    fish_offers "--epochs" "gkvae features train --ep"
    fish_offers "--probabilities" "gkvae features --pr"
    fish_offers "model.base_fit=grad" "gkvae train --set model.base_fit=g"
fi
finish
