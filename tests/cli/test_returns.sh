# The commands of examples/returns/README.md run, and print the output that the file shows.
. "$2/tests/cli/lib.sh"
cp "$source"/examples/returns/* .
mkdir bin
ln -s "$gkvae" bin/gkvae
PATH=$work/bin:$PATH
export OMP_NUM_THREADS=2

# Writes each block of commands to a file, and its output to another.
awk '/^```sh$/ { n++; file = sprintf("block-%02d.sh", n); next }
     /^```text$/ { file = sprintf("block-%02d.text", n); next }
     /^```$/ { file = ""; next }
     file { print > file }' README.md
[ "$(ls block-*.sh | wc -l)" -ge 8 ] || fail "no commands in the README"

# Compares word for word. Numbers may differ by a hundredth or, if they are small, by two in the last
# printed digit.
cat > alike.awk << 'END'
function number(word) { return word ~ /^[-+]?[0-9.]+(e[-+]?[0-9]+)?[,%]?$/ }
{ other = ""; if ((getline other < theirs) <= 0) exit 1
  n = split(other, word, " ")
  if (n != NF) exit 1
  for (i = 1; i <= n; i++) {
      if (word[i] == $i) continue
      if (!number(word[i]) || !number($i)) exit 1
      d = word[i] - $i; a = $i + 0
      if (d * d > 1e-4 * a * a && d * d > 1e-6) exit 1
  } }
END { if ((getline other < theirs) > 0) exit 1 }
END
for block in block-*.sh; do
    bash -e "$block" > output 2> messages || fail "$block: $(cat "$block" messages)"
    text=${block%.sh}.text
    [ ! -e "$text" ] || awk -v theirs="$text" -f alike.awk output || fail "$(cat "$block") prints not what the README says:
$(diff output "$text")"
done
is_png index.png || fail "no picture"
finish
