// How a database operation fails inside this folder; the store turns it into an error code.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace parrhesia::store::postgres {

class DatabaseError : public std::runtime_error {
  public:
    // What has become of the connection, and so of its transaction.
    enum class Kind {
        statement,  // the server refused a statement and has rolled back; the connection is usable
        lost,       // the connection is gone, or was given up
        timed_out,  // the deadline passed; the connection was given up
        cancelled,  // the one who asked does not want it any more; the connection was given up
    };

    DatabaseError(Kind kind, std::string sqlstate, const std::string& text)
        : std::runtime_error(text), kind_(kind), sqlstate_(std::move(sqlstate)) {}

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    [[nodiscard]] std::string_view sqlstate() const noexcept { return sqlstate_; }

    // Another attempt may succeed, and nothing has been done: a deadlock, a race for the same row.
    [[nodiscard]] bool is_retryable() const noexcept {
        return sqlstate_ == "40001" || sqlstate_ == "40P01" || sqlstate_ == "55P03" ||
               sqlstate_ == "23505";
    }
    // The server is there and has no room, or may not be written.
    [[nodiscard]] bool is_refusal_to_write() const noexcept {
        return sqlstate_.starts_with("53") || sqlstate_ == "25006" || sqlstate_ == "42501" ||
               sqlstate_ == "58030";
    }
    // The server does not take what one of the events holds; the others are not to blame.
    [[nodiscard]] bool is_refusal_of_data() const noexcept {
        return sqlstate_.starts_with("22") || sqlstate_.starts_with("54");
    }
    // The server is leaving, or has become a standby: the connection is of no more use.
    [[nodiscard]] bool is_end_of_server() const noexcept {
        return sqlstate_.starts_with("57P") || sqlstate_ == "25006";
    }

  private:
    Kind kind_;
    std::string sqlstate_;
};

}  // namespace parrhesia::store::postgres
