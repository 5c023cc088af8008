// One client's conversation: what it said, what it is owed.
#pragma once

#include <cstddef>
#include <string_view>

namespace parrhesia::pipeline {

// Made by Relay::connect(), owned by the client's session.
//
// Threading: belongs to the io thread it was made on.
// Lifetime:  not beyond its relay and its client. Destruction ends every subscription and query.
class Connection {
  public:
    virtual ~Connection() = default;

    // One text message, complete, valid UTF-8. Answers go to the client, some of them later.
    virtual void on_text(std::string_view text) = 0;
    // A binary message: NIP-01 has none.
    virtual void on_binary() = 0;

    // The client has taken most of what was queued for it: unsent_bytes() fell below kDrainedBytes.
    virtual void on_drained() = 0;

    // False while as many events of this client wait for their commit as the limits allow, or, for
    // a sender of ephemeral events, while too many of those wait for their delivery.
    [[nodiscard]] virtual bool wants_input() const noexcept = 0;
};

// A stored query pauses while more than kStreamBytes wait for the client, and goes on below
// kDrainedBytes.
inline constexpr std::size_t kStreamBytes = 256 * 1024;
inline constexpr std::size_t kDrainedBytes = 64 * 1024;

}  // namespace parrhesia::pipeline
