// The one error vocabulary of the relay.
//
// Expected failures travel as Result<T> or as a Refusal; exceptions are for broken start-up and
// bugs. protocol/reply.hpp is the only place that turns an Errc into a NIP-01 prefix.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <string>
#include <type_traits>

namespace parrhesia::base {

enum class Errc {
    malformed_json = 1,       // not JSON, or not UTF-8
    malformed_message,        // JSON, but no client message of NIP-01
    invalid_event,            // a field of the event is missing, of a wrong type or out of range
    invalid_id,               // the id is not the hash of the event
    invalid_signature,        // the signature is not one of the pubkey over the id
    invalid_filter,           // a filter breaks the format of NIP-01
    invalid_subscription_id,  // empty, too long, or not a string
    unsupported_filter,       // a filter has an element this relay does not know
    created_at_out_of_range,  // outside the window of the configuration
    too_large,                // event, tag or message above a limit
    too_many,                 // subscriptions, filters, filter items or tags above a limit
    duplicate,                // the store has the event already
    superseded,               // the store has a newer version of this replaceable event
    deleted,                  // its author has asked for its deletion (NIP-09)
    vanished,                 // its author has asked to vanish (NIP-62)
    expired,                  // its expiration has passed (NIP-40)
    insufficient_work,        // the id has not enough leading zero bits (NIP-13)
    auth_required,            // who is asking must be known first (NIP-42)
    restricted,               // who is asking is known, and may not
    muted,                    // ephemeral, and nobody was listening (NIP-01)
    blocked,                  // policy refuses this author, kind or peer
    rate_limited,             // slow down
    overloaded,               // a queue is full; nothing was stored
    slow_reader,              // the client does not read what it asked for
    timed_out,                // a query or a peer took longer than allowed
    store_unavailable,        // the store cannot be read
    store_not_writable,       // the store can be read, not written (read-only, disk full)
    store_damaged,            // the store's file contradicts itself
    shutting_down,            // the relay is leaving
};

[[nodiscard]] const boost::system::error_category& relay_category() noexcept;
[[nodiscard]] boost::system::error_code make_error_code(Errc errc) noexcept;

using error_code = boost::system::error_code;

template <class T>
using Result = boost::system::result<T>;

// An error and the sentence that names the input and the remedy. Made where the cause is known.
struct Refusal {
    Errc code = Errc::malformed_message;
    std::string text;
};

// boost::system::result accepts any error type that throw_exception_from_error() knows.
[[noreturn]] void throw_exception_from_error(const Refusal& refusal,
                                             const boost::source_location& where);

// Either a T, or why not, in words.
template <class T>
using Checked = boost::system::result<T, Refusal>;

}  // namespace parrhesia::base

template <>
struct boost::system::is_error_code_enum<parrhesia::base::Errc> : std::true_type {};
