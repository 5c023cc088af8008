#include "app/relay_information.hpp"

#include "app/supported_nips.hpp"
#include "app/version.hpp"

#include <algorithm>

namespace parrhesia::app {

protocol::RelayInformation relay_information_of(const Config& config,
                                                const std::optional<event::PubKey>& self) {
    protocol::RelayInformation information;
    information.name = config.info.name;
    information.description = config.info.description;
    information.banner = config.info.banner;
    information.icon = config.info.icon;
    information.pubkey = config.info.pubkey;
    if (self) information.self = base::to_hex(*self);
    information.contact = config.info.contact;
    information.terms_of_service = config.info.terms_of_service;
    information.version = version();
    const auto denied = config.limits.denied_kind_set();
    information.supported_nips =
        supported_nips([&denied](event::Kind kind) { return denied.contains(kind); });

    const policy::Limits& limits = config.limits;
    information.max_message_length = limits.message_bytes;
    information.max_subscriptions = limits.subscriptions;
    information.max_limit = limits.max_limit;
    information.default_limit = limits.default_limit;
    information.max_subid_length = limits.subscription_id_characters;
    information.max_event_tags = limits.event_tags;
    // A character is at least a byte, so more of them than this never pass.
    information.max_content_length = std::min(limits.content_characters, limits.event_bytes);
    information.created_at_lower_limit = limits.created_at_past_seconds;
    information.min_pow_difficulty = limits.min_pow_difficulty;
    // "Before any other action": where reading or writing is open to everyone, it is not so.
    information.auth_required = config.auth.read != policy::Access::everyone &&
                                config.auth.write != policy::Access::everyone;
    information.restricted_writes = config.auth.write == policy::Access::allowed;
    information.created_at_upper_limit = limits.created_at_future_seconds;
    return information;
}

}  // namespace parrhesia::app
