// The relays of a cluster on one PostgreSQL database, as each writes itself into a table there:
// where the others are, and who is alive by the database's clock, whatever the mesh says.
#pragma once

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/base/error.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace parrhesia::store {

struct RegisteredRelay {
    base::NodeId node;
    std::uint64_t boot = 0;  // greater than at every earlier start
    std::string address;     // host:port by which others reach it
    std::uint16_t protocol = 1;
    std::string state = "up";          // a word for people; "left" is nobody who is listed
    std::chrono::milliseconds age{0};  // since it wrote itself; read only
};

struct RegistryOptions {
    // As in PostgresOptions.
    std::string connection;
    std::string application_name = "parrhesia";
    std::chrono::milliseconds connect_timeout{3000};
    std::chrono::milliseconds timeout{2000};  // of one call, once connected
};

// Threading: one thread at a time, which it blocks; cancel() from any.
// Errors: each call says why it has failed, without a password; the next one connects anew.
class RelayRegistry {
  public:
    // Who has not been heard of for so long is not listed.
    static constexpr std::chrono::minutes kListed{15};
    static constexpr std::size_t kMaxListed = 256;
    static constexpr std::size_t kMaxLogId = 64;

    // Does not connect yet. The schema must be there (migrate_postgres()).
    RelayRegistry(RegistryOptions options, std::string cluster);
    ~RelayRegistry();
    RelayRegistry(const RelayRegistry&) = delete;
    RelayRegistry& operator=(const RelayRegistry&) = delete;

    // Writes `self`, answers with the others. Errors: Errc::blocked when a relay with the same id
    // that has started later is there: a copy of this one's data folder.
    [[nodiscard]] base::Checked<std::vector<RegisteredRelay>> announce_and_list(
        const RegisteredRelay& self);

    // This start of the node is over; the others need not wait for it. Empty, or why not.
    [[nodiscard]] std::string leave(const base::NodeId& node, std::uint64_t boot);

    // Names the database and the history of its log, in at most kMaxLogId printable bytes: the same
    // on a promoted standby, another one after a dump was restored, or where log_epoch was renewed.
    [[nodiscard]] base::Checked<std::string> log_id();

    // Ends the call that is under way, and all later ones but leave().
    void cancel() noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace parrhesia::store
