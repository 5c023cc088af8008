# shellcheck shell=bash
# Sourced after lib.sh by scripts that start a PostgreSQL of their own: in a folder, reachable only through
# a socket in that folder, which no other user may enter. It needs no password and opens no port.

postgres_pid=""
postgres_log=""
postgres_connection=""  # what libpq needs to get there

# start_postgres FOLDER: the database of that folder is ready afterwards, with all that it had; a folder that
# is not there is made. Else the script has ended with what to do. The caller calls stop_postgres, and should
# it be killed before that, the database ends by itself.
start_postgres() {
    local folder="$1" version programs name host
    # Without another file name for it: see below.
    local -r by_descriptor=/proc/self/fd/9
    need_postgres || exit 1
    postgres_log="$folder.log"
    # What is set for the user's other databases must not reach this one.
    unset "${!PG@}"

    # PostgreSQL refuses to run as root.
    local -a as_owner=(setpriv --pdeathsig INT)
    if [[ $(id -u) -eq 0 ]]; then
        local owner=postgres
        [[ ! -d $folder ]] || owner="$(stat -c %u "$folder")"
        [[ $owner != 0 ]] ||
            die "$folder belongs to root, and PostgreSQL refuses to run as root: chown -R postgres: $folder"
        id "$owner" >/dev/null 2>&1 ||
            die "PostgreSQL refuses to run as root, and there is no user $owner to run it as: add one, or do not be root"
        as_owner+=(--reuid "$(id -u "$owner")" --regid "$(id -g "$owner")" --clear-groups)
    elif [[ -d $folder && ! -O $folder ]]; then
        die "$folder belongs to $(stat -c %U "$folder"): be that user, or root, or choose another folder"
    fi

    [[ -d $folder ]] || create_database "$folder"
    version="$(cat "$folder/PG_VERSION" 2>/dev/null)" ||
        die "$folder is not a database of PostgreSQL: move it away, or choose another folder"
    programs="$(postgres_programs "$version")"
    [[ -n $programs ]] ||
        die "$folder was made by PostgreSQL $version, which is not installed here, and no other version can read it: install that one (postgresql-$version), or move the folder away to begin with an empty one"

    # The owner may not be allowed into the folders above, as when root has its clone at home; and the name
    # of a socket must be short. The open folder itself is reachable all the same, as a descriptor that the
    # database inherits. It is also what is locked, until the last process of the database has ended.
    exec 9<"$folder"
    if ! flock --nonblock 9; then
        say "Waiting for the database of another run to end"
        flock --timeout 15 9 || die "another run uses $folder: end that, or choose another folder"
    fi
    if [[ $folder =~ ^[A-Za-z0-9/._+-]{1,90}$ ]] && "${as_owner[@]}" test -x "$folder"; then
        name="$folder"
        host="$folder"
    else
        name="$by_descriptor"
        host="/proc/$$/fd/9"
    fi

    serve "$programs" "$name" </dev/null >>"$postgres_log" 2>&1 &
    postgres_pid=$!
    until "$programs/pg_isready" --quiet --host "$host" --port 5432 --username parrhesia; do
        if ! kill -0 "$postgres_pid" 2>/dev/null; then
            postgres_pid=""
            tail -n 5 "$postgres_log" >&2
            die "PostgreSQL did not start (its messages: $postgres_log)"
        fi
        sleep 0.1
    done
    # shellcheck disable=SC2034  # for the caller
    postgres_connection="host=$host port=5432 user=parrhesia dbname=parrhesia"
}

# In a session of its own: Ctrl-C is for the relay, which needs its database to the end.
serve() {
    cd / && exec setsid "${as_owner[@]}" "$1/postgres" -D "$2" -c listen_addresses= \
        -c "unix_socket_directories=$2" -c unix_socket_permissions=0700 -c port=5432
}

# Made under another name, so that what is there is whole.
create_database() {
    local folder="$1" new="$1.new" programs
    programs="$(postgres_programs any)"
    say "Creating a PostgreSQL database in $folder"
    rm -rf "$new"
    mkdir -m 0700 "$new" || die "cannot create $new"
    [[ $(id -u) -ne 0 ]] || chown "$owner:" "$new"
    (
        cd /
        "${as_owner[@]}" "$programs/initdb" -D "$by_descriptor" --username=parrhesia --auth-local=trust \
            --auth-host=reject --encoding=UTF8 --no-locale --data-checksums --no-instructions &&
            "${as_owner[@]}" "$programs/postgres" --single -D "$by_descriptor" -c exit_on_error=true postgres \
                <<<'CREATE DATABASE parrhesia'
    ) 9<"$new" >"$postgres_log" 2>&1 || {
        tail -n 5 "$postgres_log" >&2
        die "the database could not be created (all messages: $postgres_log)"
    }
    mv -T "$new" "$folder" || die "cannot rename $new"
}

# Ends the database and waits for that. Whoever cannot wait sends another signal: nothing is lost then
# either, but the next start takes longer.
stop_postgres() {
    [[ -n $postgres_pid ]] || return 0
    kill -INT "$postgres_pid" 2>/dev/null || warn "PostgreSQL had ended before (its messages: $postgres_log)"
    trap 'kill -QUIT "$postgres_pid" 2>/dev/null || true' INT TERM HUP
    while kill -0 "$postgres_pid" 2>/dev/null; do wait "$postgres_pid" 2>/dev/null || true; done
    postgres_pid=""
}
