#!/bin/sh
# Makes .venv from requirements.lock on a fresh Debian: root or not, Python with or without venv and pip.
# A stamp names what was installed; when it still fits, there is nothing to do.
set -eu
cd "$(dirname "$0")/../../.."
venv=$PWD/.venv
stamp=$venv/.installed

say() { printf '%s\n' "$*"; }
fail() { say "set-up: $*" >&2; exit 1; }

fingerprint() { printf '%s\n' "$PWD"; cat requirements.lock pyproject.toml src/callcenter/local/setup.sh; }
wanted=$(fingerprint | cksum)
# Commands and services start in a third of the time, also where Python may not or shall not keep what it compiles.
compile_ours() { "$venv/bin/python" -m compileall -q src || fail "a file of src is no Python"; }
# Some packages bring templates that are no Python.
compile_packages() { "$venv/bin/python" -m compileall -q -j 0 "$venv"/lib/python3*/site-packages >/dev/null 2>&1 || true; }
if [ -x "$venv/bin/callcenter" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    compile_ours
    exit 0
fi

new_enough() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

find_python() {
    for name in python3.11 python3.12 python3.13 python3 /usr/bin/python3; do
        path=$(command -v "$name") || continue
        if new_enough "$path"; then printf '%s\n' "$path"; return; fi
    done
    return 1
}

apt_install() { # as root only
    say "installing $* ..."
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q -y --no-install-recommends install "$@" >"$log" 2>&1 || {
        apt-get -q update >"$log" 2>&1 && apt-get -q -y --no-install-recommends install "$@" >"$log" 2>&1
    } || { tail -n 5 "$log" >&2; rm -f "$log"; fail "apt-get could not install $*"; }
    rm -f "$log"
}

# Unpacks packages of this Debian into $1 without root; see debian.py for how and why.
apt_unpack() {
    target=$1; shift
    say "unpacking $* without root ..."
    apt=$target/.apt; log=$target/.apt.log
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    mkdir -p "$apt/etc" "$apt/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status"
    suite=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
    mirror=$(apt-get indextargets --format '$(REPO_URI)|$(COMPONENT)|$(ORIGIN)' 'Created-By: Packages' |
        grep -v security | sed -n -e 's/|main|Debian$//p' -e 's/|main|$//p' | head -n 1)
    [ -n "$mirror" ] || fail "apt knows no Debian mirror; add one to /etc/apt/sources.list"
    printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" >"$apt/etc/sources.list"
    confined() {
        apt-get -q -o "Dir::Etc=$apt/etc" -o "Dir::Etc::sourcelist=$apt/etc/sources.list" \
            -o Dir::Etc::sourceparts=- -o "Dir::State=$apt" -o "Dir::State::Lists=$apt/lists" \
            -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User= \
            -o Debug::NoLocking=1 -o APT::Install-Recommends=false -o Acquire::Check-Valid-Until=false \
            -o Acquire::Languages=none "$@" >"$log" 2>&1 || { tail -n 5 "$log" >&2; return 1; }
    }
    confined update && confined -y --download-only install "$@" ||
        fail "can't fetch $*: install python3 and python3-venv, or run once as root"
    for package in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$package" "$target"; done
    rm -rf "$apt" "$log"
}

# A Python of our own: a wrapper under its name starts it through the loader and the libraries that came with it.
unpacked_python() {
    home=$venv/debian-python
    [ -x "$home/usr/bin/python3" ] || {
        rm -rf "$home" "$home.making"
        mkdir -p "$home.making"
        apt_unpack "$home.making" python3 python3-pip-whl
        mv "$home.making" "$home"
    }
    loader=$(ls "$home"/usr/lib64/ld-linux-* "$home"/lib64/ld-linux-* "$home"/lib/ld-linux-* 2>/dev/null | head -n 1)
    libraries=$(ls -d "$home"/usr/lib/*-linux-gnu* "$home"/lib/*-linux-gnu* 2>/dev/null | tr '\n' ':')
    real=$(readlink -f "$home/usr/bin/python3")
    case $real in *.real) ;; *) mv "$real" "$real.real"; real=$real.real ;; esac
    rm -f "$home/usr/bin/python3"
    printf '#!/bin/sh\nexec "%s" --argv0 "$0" --library-path "%s" "%s" "$@"\n' \
        "$loader" "${libraries%:}" "$real" >"$home/usr/bin/python3"
    chmod 755 "$home/usr/bin/python3"
    python=$home/usr/bin/python3
    new_enough "$python" || fail "the unpacked Python is not 3.11 to 3.13: install one"
}

root() { [ "$(id -u)" -eq 0 ]; }

choose_python() {
    if python=$(find_python); then return; fi
    if root; then
        apt_install python3 python3-venv ca-certificates
        python=$(find_python) || fail "this Debian's Python is not 3.11 to 3.13"
    else
        unpacked_python
    fi
}

# pip inside the environment: from ensurepip, else from Debian's wheel of it.
make_environment() {
    if ! "$python" -c 'import ensurepip' 2>/dev/null && root; then apt_install python3-venv; python=$(find_python); fi
    if "$python" -c 'import ensurepip' 2>/dev/null && "$python" -m venv "$venv"; then return; fi
    "$python" -m venv --without-pip "$venv" || fail "$python can't make an environment: install python3-venv"
    wheel=$(ls "$venv"/debian-python/usr/share/python-wheels/pip-*.whl /usr/share/python-wheels/pip-*.whl 2>/dev/null |
        head -n 1)
    if [ -z "$wheel" ]; then
        apt_unpack "$venv/debian-pip" python3-pip-whl
        wheel=$(ls "$venv"/debian-pip/usr/share/python-wheels/pip-*.whl | head -n 1)
    fi
    "$venv/bin/python" "$wheel/pip" -q --disable-pip-version-check install --no-index "$wheel" ||
        fail "pip can't be installed from $wheel"
}

usable() { [ -x "$venv/bin/python" ] && new_enough "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }

if ! usable; then
    rm -rf "$venv"
    choose_python
    say "making .venv with $python ..."
    make_environment
fi

say "installing Python packages ..."
if [ ! -x "$venv/bin/uv" ]; then
    sed -n '/^uv==/,/[^\\]$/p' requirements.lock >"$venv/uv.lock"
    "$venv/bin/python" -m pip -q --disable-pip-version-check install --require-hashes -r "$venv/uv.lock" ||
        fail "pip can't install uv; is the package index reachable?"
    rm "$venv/uv.lock"
fi
# uv follows pip's own index settings, so that one configuration serves both.
index=$("$venv/bin/python" -m pip config get global.index-url 2>/dev/null || true)
if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}" ]; then export UV_DEFAULT_INDEX="$index"; fi
export VIRTUAL_ENV="$venv" UV_LINK_MODE=copy
"$venv/bin/uv" pip install -q --require-hashes -r requirements.lock || fail "uv could not install requirements.lock"
"$venv/bin/uv" pip install -q --no-deps --editable . || fail "uv could not install the project"
compile_packages
compile_ours
"$venv/bin/callcenter" setup
# A gigabyte was written: on its way to the disk it would hold up the audio of the first calls.
sync
printf '%s\n' "$wanted" >"$stamp"
