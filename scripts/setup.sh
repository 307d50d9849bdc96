#!/usr/bin/env bash
# Installs what the build needs and this machine lacks (Debian, Ubuntu and kin).
#
#   scripts/setup.sh [PACKAGE…]    packages named are needed as well
#
# With nothing missing it says nothing and touches no network. On other systems it
# only checks, and prints what to install. Exits 0 when the build can go on.
set -eu
cd "$(dirname "$0")/.."

needed="gcc make cmake pkg-config libopenblas-openmp-dev libsleef-dev librandom123-dev
        libcairo2-dev libjansson-dev libinih-dev libcurl4-openssl-dev libmd-dev
        zlib1g-dev libcmocka-dev python3 python3-numpy fonts-dejavu-core ca-certificates $*"

# What has come by another way than the package of that name needs no package.
provided() {
    case $1 in
    gcc | make | cmake | pkg-config | npm | clang | valgrind) command -v "$1" > /dev/null ;;
    libsleef-dev) pkg-config --exists sleef ;;
    libcairo2-dev) pkg-config --exists cairo ;;
    libjansson-dev) pkg-config --exists jansson ;;
    libinih-dev) pkg-config --exists inih ;;
    libcurl4-openssl-dev) pkg-config --exists libcurl ;;
    libmd-dev) pkg-config --exists libmd ;;
    zlib1g-dev) pkg-config --exists zlib ;;
    libcmocka-dev) pkg-config --exists cmocka ;;
    librandom123-dev) echo '#include <Random123/philox.h>' | cc -E -x c - > /dev/null ;;
    # The tests run the system's own Python: one elsewhere may have no NumPy.
    python3) test -x /usr/bin/python3 ;;
    python3-numpy) /usr/bin/python3 -c 'import numpy' ;;
    *) false ;;
    esac 2> /dev/null
}

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
    missing=
    for package in $needed; do
        case $package in
        libopenblas-openmp-dev) pkg-config --exists openblas 2> /dev/null || missing="$missing $package" ;;
        fonts-dejavu-core | ca-certificates | python3*) ;; # wanted by some tests and plots alone
        *) provided "$package" || missing="$missing $package" ;;
        esac
    done
    test -z "$missing" && exit 0
    echo "setup: install what this system calls these packages of Debian, then try again:" >&2
    echo "setup:  $missing" >&2
    exit 1
fi

# One query for all. It fails for packages it has never heard of, and lists the rest.
# shellcheck disable=SC2086
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $needed 2> /dev/null |
    sed -n 's/^installed //p' | tr '\n' ' ' || true)
missing=
for package in $needed; do
    case " $installed " in
    *" $package "*) ;;
    *) provided "$package" || missing="$missing $package" ;;
    esac
done
missing=${missing# }

# npm is a convenience: without it something optional is left out. A failure is
# remembered for a day, so that a machine without a network is not asked each time.
optional=
stamp=build/npm-unavailable
if ! command -v npm > /dev/null && [ -z "$(find "$stamp" -mtime -1 2> /dev/null)" ]; then
    optional=npm
fi
[ -z "$missing$optional" ] && exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root=sudo
    # Where nobody can type a password, sudo must not ask for one.
    [ -t 0 ] || as_root="sudo -n"
    if ! command -v sudo > /dev/null || { [ ! -t 0 ] && ! sudo -n true 2> /dev/null; }; then
        [ -z "$missing" ] && exit 0
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

if [ -n "$missing" ]; then
    echo "setup: installing $missing"
    # A broken list of some other source need not stand in the way.
    apt update || true
    # shellcheck disable=SC2086
    if ! apt install -y --no-install-recommends $missing; then
        cat "$log" >&2
        echo "setup: apt-get could not install: $missing (see above)" >&2
        exit 1
    fi
fi
if [ -n "$optional" ]; then
    echo "setup: installing npm (optional)"
    [ -n "$missing" ] || apt update || true
    if ! apt install -y --no-install-recommends npm; then
        echo "setup: warning: npm could not be installed; going on without it" >&2
        mkdir -p build
        touch "$stamp"
    fi
fi
