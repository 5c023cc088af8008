#include "parrhesia/protocol/reply.hpp"

#include "parrhesia/base/json.hpp"

namespace parrhesia::protocol {

using base::Errc;

std::string_view prefix_of(base::error_code code) noexcept {
    if (code.category() != base::relay_category()) return "error: ";
    switch (static_cast<Errc>(code.value())) {
        case Errc::malformed_json:
        case Errc::malformed_message:
        case Errc::invalid_event:
        case Errc::invalid_id:
        case Errc::invalid_signature:
        case Errc::invalid_filter:
        case Errc::invalid_subscription_id:
        case Errc::created_at_out_of_range:
        case Errc::expired:
        case Errc::too_large:
        // One prefix for tags, filters and subscriptions: the request breaks an announced limit,
        // and trying again later does not help.
        case Errc::too_many:
            return "invalid: ";
        case Errc::unsupported_filter:
            return "unsupported: ";
        case Errc::duplicate:
        // No standardized prefix says it better, and clients know this one.
        case Errc::superseded:
            return "duplicate: ";
        case Errc::deleted:
        case Errc::vanished:
        case Errc::blocked:
            return "blocked: ";
        case Errc::insufficient_work:
            return "pow: ";
        case Errc::auth_required:
            return "auth-required: ";
        case Errc::restricted:
            return "restricted: ";
        case Errc::muted:
            return "mute: ";
        case Errc::rate_limited:
            return "rate-limited: ";
        case Errc::overloaded:
        case Errc::slow_reader:
        case Errc::timed_out:
        case Errc::store_unavailable:
        case Errc::store_not_writable:
        case Errc::store_damaged:
        case Errc::shutting_down:
            return "error: ";
    }  // no default: a new Errc must fail to compile here
    return "error: ";
}

std::string_view reason_label(base::error_code code) noexcept {
    if (code.category() != base::relay_category()) return "error";
    switch (static_cast<Errc>(code.value())) {
        case Errc::malformed_json:
            return "malformed_json";
        case Errc::malformed_message:
            return "malformed_message";
        case Errc::invalid_event:
            return "invalid_event";
        case Errc::invalid_id:
            return "invalid_id";
        case Errc::invalid_signature:
            return "invalid_signature";
        case Errc::invalid_filter:
            return "invalid_filter";
        case Errc::invalid_subscription_id:
            return "invalid_subscription_id";
        case Errc::unsupported_filter:
            return "unsupported_filter";
        case Errc::created_at_out_of_range:
            return "created_at_out_of_range";
        case Errc::too_large:
            return "too_large";
        case Errc::too_many:
            return "too_many";
        case Errc::duplicate:
            return "duplicate";
        case Errc::superseded:
            return "superseded";
        case Errc::deleted:
            return "deleted";
        case Errc::vanished:
            return "vanished";
        case Errc::expired:
            return "expired";
        case Errc::insufficient_work:
            return "insufficient_work";
        case Errc::auth_required:
            return "auth_required";
        case Errc::restricted:
            return "restricted";
        case Errc::muted:
            return "muted";
        case Errc::blocked:
            return "blocked";
        case Errc::rate_limited:
            return "rate_limited";
        case Errc::overloaded:
            return "overloaded";
        case Errc::slow_reader:
            return "slow_reader";
        case Errc::timed_out:
            return "timed_out";
        case Errc::store_unavailable:
            return "store_unavailable";
        case Errc::store_not_writable:
            return "store_not_writable";
        case Errc::store_damaged:
            return "store_damaged";
        case Errc::shutting_down:
            return "shutting_down";
    }  // no default: a new Errc must fail to compile here
    return "error";
}

std::string to_client(const base::Refusal& refusal) {
    std::string result(prefix_of(make_error_code(refusal.code)));
    result += refusal.text;
    return result;
}

std::string to_client(base::error_code code) {
    std::string result(prefix_of(code));
    result += code.message();
    return result;
}

void append_ok(std::string& out, const event::Id& id, bool accepted, std::string_view message) {
    out += R"(["OK",")";
    base::append_hex(out, id.bytes);
    out += accepted ? R"(",true,)" : R"(",false,)";
    base::append_json_string(out, message);
    out += ']';
}

void append_eose(std::string& out, std::string_view escaped_subscription_id,
                 std::string_view hint) {
    out += R"(["EOSE",")";
    out += escaped_subscription_id;
    if (!hint.empty()) {
        out += R"(",[")";
        out += hint;
        out += R"("]])";
    } else {
        out += R"("])";
    }
}

void append_auth(std::string& out, std::string_view challenge) {
    out += R"(["AUTH",)";
    base::append_json_string(out, challenge);
    out += ']';
}

void append_count(std::string& out, std::string_view escaped_query_id, const Count& count) {
    out += R"(["COUNT",")";
    out += escaped_query_id;
    out += R"(",{"count":)";
    out += std::to_string(count.events);
    if (count.approximate) out += R"(,"approximate":true)";
    if (!count.hll.empty()) {
        out += R"(,"hll":")";
        out += count.hll;
        out += '"';
    }
    out += "}]";
}

void append_closed(std::string& out, std::string_view escaped_subscription_id,
                   std::string_view message) {
    out += R"(["CLOSED",")";
    out += escaped_subscription_id;
    out += R"(",)";
    base::append_json_string(out, message);
    out += ']';
}

void append_notice(std::string& out, std::string_view message) {
    out += R"(["NOTICE",)";
    base::append_json_string(out, message);
    out += ']';
}

void append_event_head(std::string& out, std::string_view escaped_subscription_id) {
    out += R"(["EVENT",")";
    out += escaped_subscription_id;
    out += R"(",)";
}

std::string escape_subscription_id(std::string_view subscription_id) {
    std::string result;
    base::append_json_escaped(result, subscription_id);
    return result;
}

}  // namespace parrhesia::protocol
