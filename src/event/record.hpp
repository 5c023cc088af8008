// The record of an event: its bytes in memory and, unchanged, in the stores (docs/storage.md).
//
// Version 1, all numbers little-endian:
//
//   offset  size  field
//        0     1  version, 1
//        1     1  flags: bit 0 = protected (a tag named "-", NIP-70); the others are 0
//        2     2  kind
//        4     4  size of the tag section in bytes
//        8     8  created_at, seconds, 0 or more
//       16     8  expiration (NIP-40), seconds; 0 = none
//       24    32  id
//       56    32  pubkey
//       88        tag section: for each tag whose name is one letter (a-z, A-Z) and that has a
//       value, in the
//                 order of the event: { u8 letter, u32 size, the first value's bytes, decoded }.
//                 The `d` tag of an addressable event is here even without a value, and as ("d",
//                 "") if there is none. then, to the end: the canonical JSON that clients are
//                 served
//
// The signature stands only in the JSON, where it is the last field.
#pragma once

#include "parrhesia/event/event.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace parrhesia::event::record {

static_assert(std::endian::native == std::endian::little, "records are read in place");

inline constexpr std::uint8_t kVersion = 1;
inline constexpr std::uint8_t kProtectedFlag = 1;

inline constexpr std::size_t kFlagsAt = 1;
inline constexpr std::size_t kKindAt = 2;
inline constexpr std::size_t kTagBytesAt = 4;
inline constexpr std::size_t kCreatedAtAt = 8;
inline constexpr std::size_t kExpirationAt = 16;
inline constexpr std::size_t kIdAt = 24;
inline constexpr std::size_t kPubkeyAt = 56;
inline constexpr std::size_t kTagsAt = 88;

inline constexpr std::size_t kTagHeadBytes = 5;  // letter and size

// `at` must lie at least sizeof(Number) before the end.
template <class Number>
[[nodiscard]] Number load(std::string_view bytes, std::size_t at) noexcept {
    Number result;
    std::memcpy(&result, bytes.data() + at, sizeof result);
    return result;
}

[[nodiscard]] constexpr bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// What an event says besides its tags and content.
struct Head {
    PubKey pubkey;
    std::int64_t created_at = 0;
    Kind kind = 0;
};

// Makes one record after another; escapes tags and content once, for the id and for the JSON.
//
// Order of calls: start(), { begin_tag(), add_value() at least once, end_tag() }, set_content(),
// then the ids and finish(). All strings are UTF-8.
//
// Threading: one instance per thread, of_this_thread().
class Builder {
  public:
    [[nodiscard]] static Builder& of_this_thread();

    void start(const Head& head);
    void begin_tag();
    void add_value(std::string_view value);
    void end_tag();
    void set_content(std::string_view content);

    // The id, with control characters as \u00xx: what clients sign.
    [[nodiscard]] Id id() const;
    // True when tags or content have control characters without a short escape; only then does the
    // verbatim form of NIP-01's text give another id.
    [[nodiscard]] bool has_long_escapes() const noexcept;
    [[nodiscard]] Id verbatim_id() const;

    [[nodiscard]] EventPtr finish(const Id& id, const Signature& signature);

  private:
    [[nodiscard]] std::string preimage_head() const;

    Head head_;
    EventShape shape_;
    std::int64_t expiration_ = 0;
    bool protected_ = false;
    bool has_identifier_ = false;

    std::string tags_json_;
    std::string packed_;
    std::string content_json_;

    // The tag being built
    std::size_t value_index_ = 0;
    char letter_ = 0;  // 0: the name is not one letter
    bool is_expiration_ = false;
};

}  // namespace parrhesia::event::record
