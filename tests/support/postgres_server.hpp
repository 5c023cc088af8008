// A PostgreSQL server of a test's own: a folder, a unix socket in it, nothing on the network.
#pragma once

#include "support/temporary_folder.hpp"

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace parrhesia::test {

struct PostgresSettings {
    // Survives the machine's end, not only the process's: what tests of crashes of the process do
    // not need.
    bool durable = false;
    std::vector<std::string> more;  // "name=value"
};

// Threading: one thread. Errors: throws std::runtime_error with what the program said.
class PostgresServer {
  public:
    // Empty when the server's programs are there; else what is missing.
    [[nodiscard]] static std::string what_is_missing();

    explicit PostgresServer(PostgresSettings settings = {});  // initdb and start()
    ~PostgresServer();                                        // kills it
    PostgresServer(const PostgresServer&) = delete;
    PostgresServer& operator=(const PostgresServer&) = delete;

    // Returns once it takes connections.
    void start();
    // In an orderly way ("fast"); the clients' connections are ended.
    void stop();
    // All its processes at once, without a word.
    void kill();
    // None of its processes moves until resume().
    void pause() const;
    void resume() const;

    // A copy that follows this one by streaming replication.
    [[nodiscard]] std::unique_ptr<PostgresServer> make_standby();
    void promote();

    // A new, empty database; the connection string of it.
    [[nodiscard]] std::string make_database();
    [[nodiscard]] std::string connection_string(const std::string& database) const;
    [[nodiscard]] const std::filesystem::path& socket_folder() const noexcept {
        return folder_.path();
    }
    // Runs commands as the superuser; the first value of the last answer, "" when there is none.
    std::string sql(const std::string& database, const std::string& commands) const;

  private:
    struct Copy {};
    PostgresServer(Copy, const PostgresServer& primary);

    [[nodiscard]] std::filesystem::path data() const { return folder_.path() / "data"; }
    [[nodiscard]] std::filesystem::path log() const { return folder_.path() / "log"; }
    void wait_until_ready();
    void run(const std::string& program, const std::vector<std::string>& arguments) const;
    [[nodiscard]] std::vector<pid_t> processes() const;
    [[nodiscard]] std::vector<pid_t> stopped_processes() const;

    TemporaryFolder folder_;
    PostgresSettings settings_;
    std::optional<pid_t> pid_;
    int databases_ = 0;
};

// The server that the tests of one program share. Started when first asked for.
[[nodiscard]] PostgresServer& shared_postgres();

// One value from any server: "" when there is none.
// Errors: throws std::runtime_error with what the server said.
std::string run_sql(const std::string& connection, const std::string& commands);

}  // namespace parrhesia::test
