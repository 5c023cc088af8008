#include "parrhesia/protocol/relay_information.hpp"

#include "parrhesia/base/json.hpp"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace parrhesia::protocol {
namespace {

// One JSON object, member by member.
class ObjectWriter {
  public:
    explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
    void text(std::string_view name, std::string_view value) {
        if (value.empty()) return;
        begin_member(name);
        base::append_json_string(out_, value);
    }
    template <class Number>
    void number(std::string_view name, Number value) {
        begin_member(name);
        fmt::format_to(std::back_inserter(out_), "{}", value);
    }
    void boolean(std::string_view name, bool value) {
        begin_member(name);
        out_ += value ? "true" : "false";
    }
    void begin_member(std::string_view name) {
        if (!first_) out_ += ',';
        first_ = false;
        base::append_json_string(out_, name);
        out_ += ':';
    }
    void end() { out_ += '}'; }

  private:
    std::string& out_;
    bool first_ = true;
};

void append_limitation(std::string& out, const RelayInformation& information) {
    ObjectWriter limits(out);
    limits.number("max_message_length", information.max_message_length);
    limits.number("max_subscriptions", information.max_subscriptions);
    limits.number("max_limit", information.max_limit);
    limits.number("default_limit", information.default_limit);
    limits.number("max_subid_length", information.max_subid_length);
    limits.number("max_event_tags", information.max_event_tags);
    limits.number("max_content_length", information.max_content_length);
    if (information.created_at_lower_limit != 0) {
        limits.number("created_at_lower_limit", information.created_at_lower_limit);
    }
    limits.number("created_at_upper_limit", information.created_at_upper_limit);
    limits.number("min_pow_difficulty", information.min_pow_difficulty);
    limits.boolean("auth_required", information.auth_required);
    limits.boolean("payment_required", information.payment_required);
    limits.boolean("restricted_writes", information.restricted_writes);
    limits.end();
}

}  // namespace

std::string to_json(const RelayInformation& information) {
    std::string out;
    ObjectWriter document(out);
    document.text("name", information.name);
    document.text("description", information.description);
    document.text("banner", information.banner);
    document.text("icon", information.icon);
    document.text("pubkey", information.pubkey);
    document.text("self", information.self);
    document.text("contact", information.contact);
    document.text("terms_of_service", information.terms_of_service);
    document.text("software", information.software);
    document.text("version", information.version);
    document.begin_member("supported_nips");
    fmt::format_to(std::back_inserter(out), "[{}]", fmt::join(information.supported_nips, ","));
    document.begin_member("limitation");
    append_limitation(out, information);
    document.end();
    return out;
}

}  // namespace parrhesia::protocol
