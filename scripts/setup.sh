#!/usr/bin/env bash
# Installs what the build and the tests need and this machine lacks (Debian, Ubuntu and kin).
#
#   scripts/setup.sh [PACKAGE…]            packages named are needed as well
#   scripts/setup.sh --check [PACKAGE…]    installs nothing: says what the build lacks, and how to get it
#
# With nothing missing it says nothing and touches no network. On other systems it
# only checks, and prints what to install. Exits 0 when the build can go on.
set -eu
cd "$(dirname "$0")/.."

only_check=
if [ "${1-}" = --check ]; then
    only_check=yes
    shift
fi
extra=$*
compiler=${CC:-cc}
needed="gcc make cmake pkg-config libopenblas-openmp-dev libsleef-dev librandom123-dev
        libcairo2-dev libjansson-dev libinih-dev libcurl4-openssl-dev libmd-dev
        libpng-dev zlib1g-dev libcmocka-dev $extra"
# Some tests, the pictures' letters and downloads want these; the build does without.
[ -n "$only_check" ] || needed="$needed python3 python3-numpy fonts-dejavu-core ca-certificates"

has_apt=
if command -v dpkg-query > /dev/null && command -v apt-get > /dev/null; then
    has_apt=yes
fi

# What has come by another way than the package of that name needs no package.
provided() {
    case $1 in
    gcc) command -v "${compiler%% *}" || command -v gcc ;;
    make | cmake | pkg-config | clang | valgrind) command -v "$1" ;;
    libsleef-dev) pkg-config --exists sleef ;;
    libcairo2-dev) pkg-config --exists cairo ;;
    libjansson-dev) pkg-config --exists jansson ;;
    libinih-dev) pkg-config --exists inih ;;
    libcurl4-openssl-dev) pkg-config --exists libcurl ;;
    libmd-dev) pkg-config --exists libmd ;;
    libpng-dev) pkg-config --exists libpng ;;
    zlib1g-dev) pkg-config --exists zlib ;;
    libcmocka-dev) pkg-config --exists cmocka ;;
    librandom123-dev) echo '#include <Random123/philox.h>' | cc -E -x c - ;;
    # Any OpenBLAS builds; where there is a choice, the package for OpenMP is installed.
    libopenblas-openmp-dev) [ -n "$only_check" ] || [ -z "$has_apt" ] && pkg-config --exists openblas ;;
    # The tests run the system's own Python: one elsewhere may have no NumPy.
    python3) test -x /usr/bin/python3 ;;
    python3-sklearn | python3-numpy | python3-scipy | python3-build | python3-setuptools | python3-wheel | \
        python3-pip | python3-pytest | python3-hypothesis | python3-matplotlib | python3-tqdm)
        # Elsewhere, as a folder build would be taken for the module.
        (cd / && /usr/bin/python3 -c "import ${1#python3-}")
        ;;
    devscripts) command -v checkbashisms ;;
    qpdf) command -v qpdf ;;
    libopenmpi-dev) command -v mpicc.openmpi ;;
    openmpi-bin) command -v mpirun.openmpi ;;
    libmpich-dev) command -v mpicc.mpich ;;
    mpich) command -v mpirun.mpich ;;
    r-base-core) command -v R && command -v Rscript ;;
    r-cran-*) Rscript --vanilla -e "library(${1#r-cran-})" ;;
    # Where packages have other names, these are not looked for.
    fonts-dejavu-core | ca-certificates | libomp-dev) [ -z "$has_apt" ] ;;
    *) false ;;
    esac > /dev/null 2>&1
}

# One query for all. It fails for packages it does not know, and lists the rest.
installed=
if [ -n "$has_apt" ]; then
    # shellcheck disable=SC2086
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $needed 2> /dev/null |
        sed -n 's/^installed //p' | tr '\n' ' ' || true)
fi
missing=
for package in $needed; do
    case " $installed " in
    *" $package "*) ;;
    *) provided "$package" || missing="$missing $package" ;;
    esac
done
missing=${missing# }
[ -z "$missing" ] && exit 0

if [ -z "$has_apt" ]; then
    echo "setup: install what this system calls these packages of Debian, then try again:" >&2
    echo "setup:   $missing" >&2
    exit 1
fi
if [ -n "$only_check" ]; then
    echo "setup: missing packages: $missing" >&2
    echo "setup: this installs them:   make deps${extra:+ PACKAGES=\"$extra\"}" >&2
    echo "setup: or, as root:          apt-get install --no-install-recommends $missing" >&2
    exit 1
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root=sudo
    # Where nobody can type a password, sudo must not ask for one.
    [ -t 0 ] || as_root="sudo -n"
    if ! command -v sudo > /dev/null || { [ ! -t 0 ] && ! sudo -n true 2> /dev/null; }; then
        echo "setup: missing packages, and no right to install them. As root:" >&2
        echo "    apt-get install -y --no-install-recommends $missing" >&2
        exit 1
    fi
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 "$@" >> "$log" 2>&1 < /dev/null
}

echo "setup: installing $missing"
# A broken list of some other source need not stand in the way.
apt update || true
# shellcheck disable=SC2086
if ! apt install -y --no-install-recommends $missing; then
    cat "$log" >&2
    echo "setup: apt-get could not install: $missing (see above)" >&2
    exit 1
fi
