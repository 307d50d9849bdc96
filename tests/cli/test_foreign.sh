# Files of other formats: each reader says what the file is, and what to do.
. "$2/tests/cli/lib.sh"
fixture=$source/tests/fixtures/mnist-small
gzip -dc "$fixture/t10k-images-idx3-ubyte.gz" > images
gzip -dc "$fixture/t10k-labels-idx1-ubyte.gz" > labels
expect 0 "done" "$gkvae" train small.ini --out run --epochs 1

# put NAME TEXT FORMAT: a file of these bytes (in printf's form), padded, and the name of its format.
names=() texts=()
put() {
    printf "$2" > "$1"
    head -c 600 /dev/zero >> "$1"
    names+=("$1")
    texts+=("$3")
}
put a.zip 'PK\003\004\024\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\005\0\0\0a.txt' "it is a zip archive"
put a.npz 'PK\003\004\024\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\005\0\0\0x.npy' "it is an archive of NumPy arrays (.npz)"
put a.pt 'PK\003\004\024\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\012\0\0\0m/data.pkl' "it is a PyTorch file"
put a.xlsx 'PK\003\004\024\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\023\0\0\0[Content_Types].xml' "it is an Office workbook"
put a.xz '\375\067zXZ\0' "xz -dc"
put a.bz2 'BZh91AY&SY' "bzip2 -dc"
put a.zst '\050\265\057\375' "zstd -dc"
put a.7z '7z\274\257\047\034' "it is a 7-zip archive"
put a.png '\211PNG\r\n\032\n' "it is a PNG picture"
put a.jpg '\377\330\377\340' "it is a JPEG picture"
put a.pdf '%%PDF-1.4' "it is a PDF document"
put a.ps '%%!PS-Adobe-3.0\n' "it is a PostScript document"
put a.rtf '{\\rtf1\\ansi' "it is an RTF document"
put a.wav 'RIFF\044\0\0\0WAVEfmt ' "it is a WAV sound"
put old.pt '\200\002\212\012l\374\234\106\371 j\250P\031' "it is a PyTorch file"
put a.pkl '\200\004\225' "it is a Python pickle"
put a.h5 '\211HDF\r\n' "it is an HDF5 file"
put a.feather 'FEA1\0\0' "it is a Feather file"
put a.avro 'Obj\001' "it is an Avro file"
put a.orc 'ORC\b' "it is an ORC file"
put a.nc 'CDF\001' "it is a NetCDF file"
put a.sav '$FL2@(#) SPSS DATA FILE' "it is an SPSS file"
put a.dta '<stata_dta><header>' "it is a Stata file"
put a.sas7bdat '\0\0\0\0\0\0\0\0\0\0\0\0\302\352\201\140\263\024\021\317' "it is a SAS file"
put a.rds 'X\n\0\0\0\003' "it is a file of R's objects"
put a.lzma '\135\0\0\200\0' "xz -dc"
put a.bmp 'BM\066\0\0\0\0\0' "it is a BMP picture"
put a.npy '\223NUMPY\001\0' "it is a NumPy array"
put lfs 'version https://git-lfs.github.com/spec/v1\n' "git lfs pull"
printf '<!DOCTYPE html>\n<html><body>404' > page.html
printf '\xef\xbb\xbf<?xml version="1.0"?><Error/>' > error.xml
printf '\377\376a\0b\0c\0d\0' > utf16.txt
printf '{"x": [1, 2]}\n' > a.json
printf '@relation r\n@attribute x numeric\n@data\n1\n' > a.arff
printf 'a,b\n1,2\n' > a.csv
: > nothing
gzip -c images | gzip -c > twice.gz
names+=(a.json a.arff page.html error.xml utf16.txt a.csv nothing twice.gz)
texts+=("it is JSON" "it is an ARFF file" "it is a web page (HTML)" "it is an XML document" "UTF-16" "it is text" "it is empty" "gzip -dc")
for i in "${!names[@]}"; do
    file=${names[$i]} text=${texts[$i]}
    case $file in
    a.npy | a.npz) images="damaged" labels="damaged" ;;
    a.csv) images=$text labels="it has 2 columns" ;;
    *) images=$text labels=$text ;;
    esac
    expect 3 "$images" "$gkvae" data info "$file"
    expect 3 "$labels" "$gkvae" data info images "$file"
    [ "$file" = twice.gz ] || expect 3 "${text/gzip -dc/x}" "$gkvae" sample "$file"
    [ "$file" = twice.gz ] || expect 3 "$text" "$gkvae" density sample "$file"
    expect 3 "$images" "$gkvae" reconstruct run "$file" --out x.png
    case $file in
    a.csv | lfs | nothing) continue ;;
    a.npy | a.npz | a.zip | a.pt | a.xlsx | twice.gz) ;; # read or said otherwise by gkvae fit
    *) expect 3 "$text" "$gkvae" fit "$file" ;;
    esac
    [ "$file" = a.json ] || expect 3 "$text" "$gkvae" gk cdf --fit "$file" 1
    expect 4 "$text" "$gkvae" train "$file" --out new
done
expect 3 "it is IDX images" "$gkvae" fit images
expect 3 "it is IDX labels, not IDX images" "$gkvae" data info labels
expect 3 "it is IDX images, not IDX labels" "$gkvae" data info images images
expect 3 "it is a safetensors file" "$gkvae" data info run/model.safetensors
expect 3 "it is IDX images, not a model" "$gkvae" sample images
expect 3 "compressed by gzip, not a table" "$gkvae" fit twice.gz

# IDX of other types, dimensions and byte order.
idx() { # idx NAME HEADER: the header in printf's form, and numbers
    printf "$2" > "$1"
    head -c 4096 /dev/zero >> "$1"
}
idx float '\0\0\015\003\0\0\0\001\0\0\0\034\0\0\0\034'
expect 3 "IDX of 4-byte floats in 3 dimensions" "$gkvae" data info float
idx colour '\0\0\010\004\0\0\0\001\0\0\0\034\0\0\0\034\0\0\0\005'
expect 3 "the images have 5 channels" "$gkvae" data info colour
idx matrix '\0\0\010\002\0\0\0\034\0\0\0\034'
expect 3 "IDX of unsigned bytes in 2 dimensions" "$gkvae" data info matrix
idx swapped '\003\010\0\0\001\0\0\0\034\0\0\0\034\0\0\0'
expect 3 "little-endian" "$gkvae" data info swapped
printf '\0\0\010\003\001\0\0\0\034\0\0\0\034\0\0\0' > half-swapped
head -c 784 /dev/zero >> half-swapped
expect 3 "little-endian" "$gkvae" data info half-swapped
idx qmnist '\0\0\014\002\0\0\0\001\0\0\0\010'
expect 3 "8 columns for each label (as QMNIST's)" "$gkvae" data info images qmnist
idx integers '\0\0\014\001\0\0\0\001'
expect 3 "IDX of 4-byte integers in 1 dimension, not IDX labels" "$gkvae" data info images integers
# Words that begin as other formats do are names of columns.
for name in ORC BMI FEA1 PAR1 GGUF BZh '[mm]'; do
    { echo "$name"; seq 20; } > words.csv
    expect 0 "$name: 20 values" "$gkvae" fit words.csv
done
finish
