// The relay's own key: what NIP-11 calls `self`, and what signs the relay's own events.
//
// It lives in one file, <store.path>/relay.key: 64 hex digits and a newline, readable by the relay
// alone. Clients know a relay by this key, so it is made once and then never replaced unless the
// operator does it.
#pragma once

#include "parrhesia/base/file.hpp"
#include "parrhesia/event/verify.hpp"

#include "app/config.hpp"

#include <filesystem>
#include <optional>
#include <string_view>

namespace parrhesia::app {

[[nodiscard]] std::filesystem::path relay_key_file(const Config& config);

// The secret key of 64 lowercase hex digits; spaces and newlines around them do not matter.
// `source` names where the text is from. Errors: throws std::runtime_error that names it and the
// remedy, never the text.
[[nodiscard]] event::Keypair parse_relay_key(std::string_view text, std::string_view source);

// std::nullopt when there is no such file. Warns when everybody may read it.
// Errors: throws std::runtime_error that names the file and the remedy when it cannot be read, is
// writable by others, or holds no key.
[[nodiscard]] std::optional<event::Keypair> read_relay_key(const std::filesystem::path& file);

using base::Existing;

// Makes the folder where there is none. Durable when it returns: the file has either what it had or
// the new key, whatever happens. False when there is a file already and it is to be kept. Errors:
// throws std::runtime_error that names the file and the remedy.
bool write_relay_key(const std::filesystem::path& file, const event::Keypair& key,
                     Existing existing);

// The key of the file, made first where there is none. std::nullopt, and a warning, when it cannot
// be made (a read-only or full disk is no reason not to serve). Errors: as read_relay_key().
[[nodiscard]] std::optional<event::Keypair> read_or_make_relay_key(
    const std::filesystem::path& file);

}  // namespace parrhesia::app
