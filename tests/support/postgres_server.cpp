#include "support/postgres_server.hpp"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace parrhesia::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{60};

// The newest version's folder of programs; empty: there is none.
[[nodiscard]] fs::path program_folder() {
    std::vector<fs::path> folders;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
        if (fs::exists(entry.path() / "bin/postgres")) folders.push_back(entry.path() / "bin");
    }
    std::sort(folders.begin(), folders.end());
    if (!folders.empty()) return folders.back();
    const char* path = std::getenv("PATH");
    std::istringstream parts(path == nullptr ? "" : path);
    for (std::string part; std::getline(parts, part, ':');) {
        if (fs::exists(fs::path(part) / "postgres") && fs::exists(fs::path(part) / "initdb")) {
            return part;
        }
    }
    return {};
}

// The server refuses to run as root.
[[nodiscard]] const passwd* unprivileged_user() {
    if (::geteuid() != 0) return nullptr;
    for (const char* name : {"postgres", "nobody"}) {
        if (const passwd* user = ::getpwnam(name)) return user;
    }
    throw std::runtime_error("there is no user \"postgres\" or \"nobody\" to run the server as");
}

// The rest of a child's life. Its output goes to `log`.
[[noreturn]] void become(const fs::path& program, const std::vector<std::string>& arguments,
                         const fs::path& log, const passwd* user) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (user != nullptr && (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 ||
                            ::setuid(user->pw_uid) != 0)) {
        ::_exit(126);
    }
    // Changing the user clears it.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int in = ::open("/dev/null", O_RDONLY);
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(out, 2);
    // Nothing of the test's own stays open in the server.
    for (int descriptor = 3; descriptor < 1024; ++descriptor) ::close(descriptor);
    ::chdir("/");
    std::vector<char*> argv{const_cast<char*>(program.c_str())};
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::setenv("LC_ALL", "C", 1);
    for (const char* name : {"PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGDATA"})
        ::unsetenv(name);
    ::execv(program.c_str(), argv.data());
    ::_exit(127);
}

[[nodiscard]] std::string contents(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

struct ProcessState {
    char code = ' ';  // as ps shows it
    pid_t parent = 0;
};

[[nodiscard]] std::optional<ProcessState> state_of(pid_t process) {
    const std::string stat = contents("/proc/" + std::to_string(process) + "/stat");
    const std::size_t behind_name = stat.rfind(')');
    if (behind_name == std::string::npos) return std::nullopt;
    std::istringstream fields(stat.substr(behind_name + 1));
    ProcessState result;
    if (!(fields >> result.code >> result.parent)) return std::nullopt;
    return result;
}

// A zombie has let go of everything, even if its new parent never asks for it.
[[nodiscard]] bool is_alive(pid_t process) {
    const auto state = state_of(process);
    return state && state->code != 'Z' && state->code != 'X';
}

}  // namespace

std::string run_sql(const std::string& connection, const std::string& commands) {
    const std::unique_ptr<PGconn, void (*)(PGconn*)> session(PQconnectdb(connection.c_str()),
                                                             &PQfinish);
    if (PQstatus(session.get()) != CONNECTION_OK) {
        throw std::runtime_error(PQerrorMessage(session.get()));
    }
    PQsetNoticeProcessor(
        session.get(), [](void*, const char*) {}, nullptr);
    const std::unique_ptr<PGresult, void (*)(PGresult*)> result(
        PQexec(session.get(), commands.c_str()), &PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        throw std::runtime_error(PQresultErrorMessage(result.get()));
    }
    return PQntuples(result.get()) == 0 ? "" : PQgetvalue(result.get(), 0, 0);
}

std::string PostgresServer::what_is_missing() {
    return program_folder().empty() ? "no PostgreSQL server is installed (Debian: postgresql-15)"
                                    : "";
}

PostgresServer::PostgresServer(PostgresSettings settings) : settings_(std::move(settings)) {
    if (const std::string missing = what_is_missing(); !missing.empty()) {
        throw std::runtime_error(missing);
    }
    if (const passwd* user = unprivileged_user()) {
        if (::chown(folder_.path().c_str(), user->pw_uid, user->pw_gid) != 0) {
            throw std::runtime_error("chown of " + folder_.path().string());
        }
    }
    run("initdb", {"-D", data().string(), "-U", "postgres", "-A", "trust", "--no-sync", "-E",
                   "UTF8", "--locale=C"});
    start();
}

PostgresServer::PostgresServer(Copy, const PostgresServer& primary) : settings_(primary.settings_) {
    if (const passwd* user = unprivileged_user()) {
        if (::chown(folder_.path().c_str(), user->pw_uid, user->pw_gid) != 0) {
            throw std::runtime_error("chown of " + folder_.path().string());
        }
    }
    run("pg_basebackup", {"-D", data().string(), "-h", primary.socket_folder().string(), "-U",
                          "postgres", "-R", "-X", "stream", "-c", "fast", "--no-sync"});
    start();
}

PostgresServer::~PostgresServer() {
    try {
        if (pid_) kill();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "the server of a test: %s\n", error.what());
    }
}

void PostgresServer::run(const std::string& program,
                         const std::vector<std::string>& arguments) const {
    const fs::path path = program_folder() / program;
    const passwd* user = unprivileged_user();
    const pid_t child = ::fork();
    if (child == 0) become(path, arguments, log(), user);
    int status = 0;
    if (::waitpid(child, &status, 0) != child || status != 0) {
        throw std::runtime_error(program + " failed: " + contents(log()));
    }
}

void PostgresServer::start() {
    if (pid_) return;
    std::vector<std::string> arguments{"-D", data().string(), "-k", folder_.path().string()};
    std::vector<std::string> settings{"listen_addresses=", "max_connections=100",
                                      "wal_level=replica", "max_wal_senders=4",
                                      "hot_standby=on",    "autovacuum_naptime=1s"};
    if (!settings_.durable) {
        settings.insert(settings.end(), {"fsync=off", "full_page_writes=off"});
    }
    settings.insert(settings.end(), settings_.more.begin(), settings_.more.end());
    for (const std::string& setting : settings) {
        arguments.emplace_back("-c");
        arguments.push_back(setting);
    }
    const fs::path path = program_folder() / "postgres";
    const passwd* user = unprivileged_user();
    const pid_t child = ::fork();
    if (child == 0) become(path, arguments, log(), user);
    pid_ = child;
    wait_until_ready();
}

void PostgresServer::wait_until_ready() {
    const auto deadline = steady_clock::now() + kPatience;
    const std::string connection = connection_string("postgres");
    while (PQping(connection.c_str()) != PQPING_OK) {
        int status = 0;
        if (::waitpid(*pid_, &status, WNOHANG) == *pid_) {
            pid_.reset();
            throw std::runtime_error("the server has ended: " + contents(log()));
        }
        if (steady_clock::now() > deadline) {
            throw std::runtime_error("the server does not start: " + contents(log()));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

void PostgresServer::stop() {
    if (!pid_) return;
    ::kill(*pid_, SIGINT);
    int status = 0;
    ::waitpid(*pid_, &status, 0);
    pid_.reset();
}

void PostgresServer::kill() {
    if (!pid_) return;
    const std::vector<pid_t> all = stopped_processes();
    for (const pid_t process : all) ::kill(process, SIGKILL);
    int status = 0;
    ::waitpid(*pid_, &status, 0);
    pid_.reset();
    // Its children are not ours to wait for, and they hold the shared memory: a server that starts
    // while one of them lives refuses to.
    const auto deadline = steady_clock::now() + kPatience;
    for (const pid_t process : all) {
        while (is_alive(process) && steady_clock::now() < deadline) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
}

void PostgresServer::pause() const {
    for (const pid_t process : stopped_processes()) ::kill(process, SIGSTOP);
}

void PostgresServer::resume() const {
    for (const pid_t process : processes()) ::kill(process, SIGCONT);
}

// As processes(). The first one stands still then: no child can come that is not among them.
std::vector<pid_t> PostgresServer::stopped_processes() const {
    if (pid_) {
        ::kill(*pid_, SIGSTOP);
        siginfo_t ignored{};
        ::waitid(P_PID, static_cast<id_t>(*pid_), &ignored, WSTOPPED | WEXITED | WNOWAIT);
    }
    return processes();
}

// The first one and its children.
std::vector<pid_t> PostgresServer::processes() const {
    std::vector<pid_t> result;
    if (!pid_) return result;
    result.push_back(*pid_);
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc", error)) {
        const std::string name = entry.path().filename();
        pid_t process = 0;
        const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), process);
        if (code != std::errc() || end != name.data() + name.size()) continue;
        const auto known = state_of(process);
        if (known && known->parent == *pid_) result.push_back(process);
    }
    return result;
}

std::unique_ptr<PostgresServer> PostgresServer::make_standby() {
    return std::unique_ptr<PostgresServer>(new PostgresServer(Copy{}, *this));
}

void PostgresServer::promote() {
    (void)sql("postgres", "SELECT pg_promote()");
    const auto deadline = steady_clock::now() + kPatience;
    while (sql("postgres", "SELECT pg_is_in_recovery()") == "t") {
        if (steady_clock::now() > deadline) throw std::runtime_error("the standby stays one");
    }
}

std::string PostgresServer::make_database() {
    const std::string name = "test" + std::to_string(++databases_);
    (void)sql("postgres", "CREATE DATABASE " + name);
    return connection_string(name);
}

std::string PostgresServer::connection_string(const std::string& database) const {
    return "host=" + folder_.path().string() + " user=postgres dbname=" + database;
}

std::string PostgresServer::sql(const std::string& database, const std::string& commands) const {
    return run_sql(connection_string(database), commands);
}

PostgresServer& shared_postgres() {
    static PostgresServer server;
    return server;
}

}  // namespace parrhesia::test
