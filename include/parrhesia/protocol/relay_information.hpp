// The relay information document (NIP-11).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace parrhesia::protocol {

// Empty strings are left out of the document. Numbers are the enforced ones.
struct RelayInformation {
    std::string name;
    std::string description;
    std::string banner;            // URL
    std::string icon;              // URL
    std::string pubkey;            // 64 hex, the administrator's
    std::string self;              // 64 hex, the relay's own
    std::string contact;           // URI
    std::string terms_of_service;  // URL
    std::string software;          // URL
    std::string version;
    std::vector<int> supported_nips;

    std::size_t max_message_length = 0;  // bytes
    std::size_t max_subscriptions = 0;
    std::uint32_t max_limit = 0;
    std::uint32_t default_limit = 0;
    std::size_t max_subid_length = 0;
    std::size_t max_event_tags = 0;
    std::size_t max_content_length = 0;       // Unicode characters
    std::int64_t created_at_lower_limit = 0;  // seconds into the past; 0: no bound, left out
    std::int64_t created_at_upper_limit = 0;  // seconds into the future
    unsigned min_pow_difficulty = 0;          // bits (NIP-13)
    bool auth_required = false;               // before anything else (NIP-42)
    bool payment_required = false;
    bool restricted_writes = false;  // not everybody may publish
};

[[nodiscard]] std::string to_json(const RelayInformation& information);

}  // namespace parrhesia::protocol
