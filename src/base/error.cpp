#include "parrhesia/base/error.hpp"

#include <boost/throw_exception.hpp>

#include <stdexcept>

namespace parrhesia::base {
namespace {

const char* sentence(Errc errc) noexcept {
    switch (errc) {
        case Errc::malformed_json:
            return "not valid JSON in UTF-8";
        case Errc::malformed_message:
            return "not a message this relay knows";
        case Errc::invalid_event:
            return "a field of the event is missing or malformed";
        case Errc::invalid_id:
            return "the id is not the hash of the event";
        case Errc::invalid_signature:
            return "the signature does not match the id and the pubkey";
        case Errc::invalid_filter:
            return "the filter is malformed";
        case Errc::invalid_subscription_id:
            return "the subscription id is malformed";
        case Errc::unsupported_filter:
            return "the filter contains unknown elements";
        case Errc::created_at_out_of_range:
            return "created_at is too far off from the current time";
        case Errc::too_large:
            return "larger than this relay allows";
        case Errc::too_many:
            return "more than this relay allows";
        case Errc::duplicate:
            return "already have this event";
        case Errc::superseded:
            return "a newer version exists";
        case Errc::deleted:
            return "deleted at its author's request";
        case Errc::vanished:
            return "its author has requested to vanish";
        case Errc::expired:
            return "the event has expired";
        case Errc::insufficient_work:
            return "the event lacks proof of work";
        case Errc::auth_required:
            return "authenticate first";
        case Errc::restricted:
            return "not allowed for this pubkey";
        case Errc::muted:
            return "nobody was listening";
        case Errc::blocked:
            return "refused by the policy of this relay";
        case Errc::rate_limited:
            return "slow down";
        case Errc::overloaded:
            return "the relay is busy, try again later";
        case Errc::slow_reader:
            return "too much is waiting to be read by this client";
        case Errc::timed_out:
            return "it took longer than this relay allows";
        case Errc::store_unavailable:
            return "the store is not available, try again later";
        case Errc::store_not_writable:
            return "the store cannot be written now, try again later";
        case Errc::store_damaged:
            return "the store is damaged";
        case Errc::shutting_down:
            return "the relay is shutting down";
    }
    return "unknown error";
}

class RelayCategory final : public boost::system::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "parrhesia"; }
    [[nodiscard]] std::string message(int value) const override {
        return sentence(static_cast<Errc>(value));
    }
};

}  // namespace

const boost::system::error_category& relay_category() noexcept {
    static const RelayCategory category;
    return category;
}

boost::system::error_code make_error_code(Errc errc) noexcept {
    return {static_cast<int>(errc), relay_category()};
}

void throw_exception_from_error(const Refusal& refusal, const boost::source_location& where) {
    boost::throw_with_location(std::runtime_error(refusal.text), where);
}

}  // namespace parrhesia::base
