# Who includes what: the program includes public headers, those of app, and few of the library's inside (files, checksums,
# INI files, the text of JSON, the distance of names); the headers of libgk include no headers of libgkvae.
. "$2/tests/cli/lib.sh"

included() { sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$@" | sort -u; }

included "$source"/src/cli/*.[ch] | while read -r header; do
    case $header in
        gkvae/* | app/*) ;;
        core/file.h | core/foreign.h | core/text.h | config/ini.h | safetensors/json_text.h) ;;
        data/checksum.h | data/reader.h | data/zip_member.h) ;;
        *) [ -e "$source/src/cli/$header" ] || echo "$header" ;;
    esac
done > others
[ ! -s others ] || fail "src/cli includes $(cat others)"

included "$source/include/gkvae/libgk.h" > public
[ "$(wc -l < public)" -ge 10 ] || fail "libgk.h includes too few headers"
while read -r header; do
    included "$source/include/$header" | grep -vxF -f public && fail "$header of libgk includes a header of libgkvae"
done < public

# Every public header is in one of the two umbrella headers.
for header in "$source"/include/gkvae/*.h; do
    name=gkvae/$(basename "$header")
    case $name in gkvae/gkvae.h | gkvae/libgk.h) continue ;; esac
    included "$source/include/gkvae/gkvae.h" "$source/include/gkvae/libgk.h" | grep -qxF "$name" || fail "$name is in no umbrella header"
done
finish
