// Talking to relays whose store is PostgreSQL.
#pragma once

#include "integration/support/conversation.hpp"
#include "integration/support/relay_process.hpp"

#include <string>
#include <vector>

namespace parrhesia::test {

[[nodiscard]] inline std::vector<std::string> settings_of(
    const std::string& connection, const std::vector<std::string>& more = {}) {
    std::vector<std::string> settings{"store.engine=postgres", "postgres.connection=" + connection,
                                      "limits.exempt=[\"127.0.0.0/8\"]", "rates.event_pubkey=off"};
    settings.insert(settings.end(), more.begin(), more.end());
    return settings;
}

}  // namespace parrhesia::test
