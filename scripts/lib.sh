# shellcheck shell=bash
# Sourced by the scripts of this folder: what the machine must have, the build, and the count of tests.
#
# Environment: BUILD_JOBS=N  parallel compile jobs (default: by cores and free memory)
#              NO_APT=1      never install anything, only say what is missing
# Their names do not begin with PARRHESIA_, which is what the relay's own settings begin with.

# run_counted needs the exit code of the first command of a pipe.
set -uo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# What Debian 12 calls what we need. Boost is header-only for us; 1.81 is not the default there.
build_packages=(build-essential cmake ninja-build pkg-config ccache libboost1.81-dev liblmdb-dev libxxhash-dev
    libsimdjson-dev libsecp256k1-dev libssl-dev libspdlog-dev libfmt-dev prometheus-cpp-dev
    libtomlplusplus-dev libcli11-dev libpq-dev libzstd-dev libgtest-dev libgmock-dev)
# And what bench/ needs besides.
bench_packages=(libbenchmark-dev)
# A script that wants bench/ in its build says yes, before it asks for the tools.
configure_with_bench=no

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() {
    warn "$@"
    exit 1
}

on_debian_12() {
    [[ -r /etc/os-release ]] || return 1
    (
        # shellcheck disable=SC1091
        . /etc/os-release
        [[ ${ID:-} == debian && ${VERSION_ID:-} == 12 ]]
    )
}

# Prints the packages among the arguments that dpkg does not have.
missing_packages() {
    local installed package
    installed="$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)"
    for package in "$@"; do
        grep -qx "$package installed" <<<"$installed" || printf '%s\n' "$package"
    done
}

# apt-get as root, without a question. Fails when there is no way to become root.
as_root() {
    if [[ $(id -u) -eq 0 ]]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

can_become_root() {
    [[ $(id -u) -eq 0 ]] && return 0
    command -v sudo >/dev/null || return 1
    [[ -t 0 ]] || sudo -n true 2>/dev/null  # without a terminal nobody can type a password
}

# The packages given are on the machine afterwards, or the script has ended with what to do by hand.
# On another system than Debian 12 it only warns: the tools may be there under other names.
need_packages() {
    if ! on_debian_12; then
        if [[ -z ${warned_about_system:-} ]]; then
            warn "this is not Debian 12, so nothing is installed automatically. Debian 12 calls what is needed:"
            printf '    %s\n' "$*" >&2
            warned_about_system=1
        fi
        return 0
    fi
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [[ ${#missing[@]} -eq 0 ]] && return 0

    local by_hand="apt-get update && apt-get install ${missing[*]}"
    [[ -z ${NO_APT:-} ]] ||
        die "missing, and NO_APT is set. Run as root: $by_hand"
    can_become_root ||
        die "packages are missing and this user may not install them (no root, no usable sudo). Run as root: $by_hand"

    say "Installing: ${missing[*]}"
    local -a options=(-qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
    local log lists_are_fresh=yes
    log="$(mktemp)"
    as_root apt-get "${options[@]}" --error-on=any update </dev/null >"$log" 2>&1 || lists_are_fresh=no
    if ! as_root apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}" \
        </dev/null >>"$log" 2>&1; then
        grep -E '^E: ' "$log" | head -n 5 >&2
        [[ $lists_are_fresh == yes ]] ||
            die "the package lists could not be fetched: is there a network, and do /etc/apt/sources.list and any proxy fit? Then run again, or as root: $by_hand (all of apt-get's messages: $log)"
        die "apt-get could not install all packages (all its messages: $log). Mend that, or run as root: $by_hand"
    fi
    rm -f "$log"
}

# need_tool NAME VERSION PACKAGE: NAME exists and is at least VERSION.
need_tool() {
    local name="$1" version="$2" package="$3" found
    command -v "$name" >/dev/null || die "$name is missing: install it ($package on Debian 12)"
    found="$("$name" --version 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1 || true)"
    [[ -n $found && $(printf '%s\n%s\n' "$version" "$found" | sort -V | head -n 1) == "$version" ]] ||
        die "$name is version ${found:-unknown}, at least $version is needed ($package on Debian 12)"
}

need_build_tools() {
    [[ $configure_with_bench == no ]] || build_packages+=("${bench_packages[@]}")
    need_packages "${build_packages[@]}"
    need_tool cmake 3.25 cmake
    need_tool g++ 12 build-essential
    need_tool ninja 1.10 ninja-build
    need_tool pkg-config 0.29 pkg-config
}

# Node.js 18 or newer with npm, from wherever; Debian's packages only where there is none.
need_node() {
    local major=0
    command -v node >/dev/null && major="$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)"
    if ((major < 18)); then
        need_packages nodejs npm
    elif ! command -v npm >/dev/null; then
        need_packages npm
    fi
    command -v node >/dev/null || die "node is missing: install Node.js 18 or newer with npm"
    major="$(node -p 'process.versions.node.split(".")[0]')"
    ((major >= 18)) || die "node is version $(node --version), at least 18 is needed"
    command -v npm >/dev/null || die "npm is missing: install the npm that belongs to $(command -v node)"
}

# postgres_programs VERSION: prints the folder that has the server's programs of that major version, or with
# "any" the newest from 15 on; nothing when there is none. pg_config may be there without a server.
postgres_programs() {
    local wanted="$1" folder version newest=14 found=""
    for folder in "$(pg_config --bindir 2>/dev/null)" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
        [[ -x $folder/postgres && -x $folder/initdb ]] || continue
        version="$("$folder/postgres" --version | grep -oE '[0-9]+' | head -n 1)"
        [[ $wanted == any || $version == "$wanted" ]] || continue
        ((version > newest)) || continue
        newest="$version"
        found="$folder"
    done
    [[ -z $found ]] || printf '%s\n' "$found"
}

# PostgreSQL's server, from wherever; Debian's package only where there is none. Fails, and says what to
# install, when there is none afterwards either: some callers can do without.
need_postgres() {
    [[ -z $(postgres_programs any) ]] || return 0
    if on_debian_12; then install_postgres || exit 1; fi
    [[ -z $(postgres_programs any) ]] || return 0
    warn "PostgreSQL 15 or newer is missing: install its server (postgresql-15 on Debian 12)"
    return 1
}

# Debian's package creates a database for the whole machine and starts it, unless it is told not to. We
# start our own, so it is told; and only for as long as the installation takes, because what else the
# machine's owner wants of PostgreSQL is not our business.
install_postgres() (
    if [[ -z ${NO_APT:-} ]] && can_become_root; then
        settings=/etc/postgresql-common/createcluster.d
        trap 'as_root rm -f "$settings/parrhesia.conf"' EXIT
        as_root mkdir -p "$settings" || die "cannot create $settings"
        as_root tee "$settings/parrhesia.conf" <<<'create_main_cluster = false' >/dev/null ||
            die "cannot write $settings/parrhesia.conf"
    fi
    need_packages postgresql-15
)

# The compiler takes up to 2 GiB for a file with much of Beast in it.
compile_jobs() {
    if [[ -n ${BUILD_JOBS:-} ]]; then
        [[ $BUILD_JOBS =~ ^[1-9][0-9]*$ ]] || die "BUILD_JOBS=$BUILD_JOBS is not a number of jobs"
        printf '%s\n' "$BUILD_JOBS"
        return
    fi
    local cores memory_gib
    cores="$(nproc)"
    memory_gib="$(awk '/^MemAvailable:/ {print int($2 / 1048576)}' /proc/meminfo)"
    local jobs=$((memory_gib / 2))
    if ((jobs < 1)); then
        warn "only $memory_gib GiB of memory are free: compiling with one job, which may still not fit"
        jobs=1
    fi
    printf '%s\n' "$((jobs < cores ? jobs : cores))"
}

# build_preset PRESET TARGET...: configures where needed and builds into build/PRESET.
build_preset() {
    local preset="$1" folder="$root/build/$1" jobs
    local -a options=()
    shift
    [[ $configure_with_bench == no ]] || options=(-DPARRHESIA_BENCH=ON)
    local configuring_failed="configuring failed (see above). If a library was not found, install it: ${build_packages[*]}"
    jobs="$(compile_jobs)"
    # ninja reconfigures by itself when a CMakeLists.txt changes, but knows neither the presets file nor
    # that the whole folder was moved.
    if [[ ! -f $folder/build.ninja || $root/CMakePresets.json -nt $folder/CMakeCache.txt ]] ||
        ! grep -qx "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
        (cd "$root" && cmake --fresh --preset "$preset" "${options[@]}") || die "$configuring_failed"
    elif [[ $configure_with_bench == yes ]] && ! grep -qx "PARRHESIA_BENCH:BOOL=ON" "$folder/CMakeCache.txt"; then
        (cd "$root" && cmake --preset "$preset" "${options[@]}") || die "$configuring_failed"
    fi
    cmake --build "$folder" --parallel "$jobs" --target "$@" ||
        die "the build failed (see above). If the compiler was killed, memory ran out: try BUILD_JOBS=1"
}

# The relay and the programs that measure it, in build/release.
build_bench() {
    configure_with_bench=yes
    need_build_tools
    build_preset release parrhesia parrhesia_bench parrhesia_micro
}

# postgres_tests FOLDER: runs the tests of that build that need a PostgreSQL server. The program says that
# they are skipped, with a code of its own, when there is no server.
postgres_tests() {
    local code=0
    timeout --kill-after=10 20m "$1/tests/postgres/parrhesia_postgres_tests" || code=$?
    ((code == 77)) || return "$code"
}

# run_counted COMMAND...: runs it, shows its output, adds what its closing lines say to `passed` and
# `failed`. Returns the command's exit code.
passed=0
failed=0
failures=()
excerpts=""
run_counted() {
    local log code=0 counts found
    log="$(mktemp)"
    "$@" </dev/null 2>&1 | tee "$log" || code=${PIPESTATUS[0]}
    counts="$(closing_counts "$log")"
    if ((code != 0)); then
        mapfile -t found < <(failed_tests "$log")
        failures+=("${found[@]}")
        excerpts+="$(failure_excerpt "$log")"$'\n'
    fi
    rm -f "$log"
    passed=$((passed + ${counts% *}))
    failed=$((failed + ${counts#* }))
    # A runner that broke down counts as one failure even if it had no time to say so.
    ((code == 0 || ${counts#* } > 0)) || failed=$((failed + 1))
    return "$code"
}

# The names of the tests that failed in a log of one of our own scripts, GoogleTest, ctest or node's
# runner, each once.
failed_tests() {
    sed -nE -e 's/^failed test: //p' \
        -e 's/^\[  FAILED  \] ([^ ,]+\.[^ ,]+)(,.*)?( \([0-9]+ ms\))?$/\1/p' \
        -e 's/^[[:space:]]*[0-9]+ - (.+) \((Failed|Timeout|SEGFAULT|ILLEGAL|Subprocess .*|.*Exception.*)\)$/\1/p' \
        -e 's/^[[:space:]]*✖ (.+) \([0-9.]+ms\)$/\1/p' "$1" | awk '!seen[$0]++'
}

# What a log says just before a test of GoogleTest fails, and what node's runner sums up; of a program that
# broke down without naming a test, its last words. 60 lines at most.
failure_excerpt() {
    local excerpt
    excerpt="$(
        grep -B 15 -E '^\[  FAILED  \] .* \([0-9]+ ms\)$' "$1" | head -n 40
        sed -n '/^✖ failing tests:/,$p' "$1" | head -n 40
    )"
    [[ -n $excerpt ]] || excerpt="$(tail -n 30 "$1")"
    head -n 60 <<<"$excerpt"
}

# print_failures: the last words of a script, for who sees only the end of a long log.
print_failures() {
    printf '%s' "$excerpts"
    [[ ${#failures[@]} -eq 0 ]] || printf 'failed test: %s\n' "${failures[@]}"
}

# "PASSED FAILED" of a log of node's runner, GoogleTest, ctest (which shows GoogleTest's words too), or one
# of our own scripts (which shows all of theirs): the outermost has the last word.
closing_counts() {
    awk '
        /^[0-9]+ passed, [0-9]+ failed/        { own = 1; own_passed = $1; own_failed = $3 }
        /tests? failed out of [0-9]+/          { ctest = 1; ctest_failed = $4; ctest_passed = $NF - $4 }
        /^\[  PASSED  \] [0-9]+ tests?\./      { passed += $4 }
        /^ *[0-9]+ FAILED TESTS?$/             { failed += $1 }
        /^(#|ℹ) pass [0-9]+$/                  { passed += $3 }
        /^(#|ℹ) fail [0-9]+$/                  { failed += $3 }
        END {
            if (ctest) { passed = ctest_passed; failed = ctest_failed }
            if (own) { passed = own_passed; failed = own_failed }
            printf "%d %d\n", passed, failed
        }' "$1"
}
