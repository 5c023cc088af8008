#include "parrhesia/store/postgres_store.hpp"

#include <libpq-fe.h>

#include <memory>

namespace parrhesia::store {
namespace {

struct Parsed {
    std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options;
    std::string error;  // set when there are none
};

[[nodiscard]] Parsed parse(const std::string& connection) {
    char* message = nullptr;
    PQconninfoOption* options = PQconninfoParse(connection.c_str(), &message);
    Parsed parsed{{options, &PQconninfoFree}, message == nullptr ? "" : message};
    PQfreemem(message);
    return parsed;
}

// libpq quotes what it does not understand, and that may be a part of a password.
[[nodiscard]] std::string without_quotations(std::string text) {
    const std::size_t quote = text.find('"');
    if (quote != std::string::npos) text.resize(quote);
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == ':')) {
        text.pop_back();
    }
    return text;
}

}  // namespace

std::string without_password(std::string_view connection) {
    const Parsed parsed = parse(std::string(connection));
    if (parsed.options == nullptr) return "(unreadable)";
    std::string text;
    for (const PQconninfoOption* option = parsed.options.get(); option->keyword != nullptr;
         ++option) {
        if (option->val == nullptr || *option->val == '\0') continue;
        // libpq marks with '*' what must not be shown.
        const bool is_secret = *option->dispchar == '*';
        if (!text.empty()) text += ' ';
        text += option->keyword;
        text += '=';
        text += is_secret ? "***" : option->val;
    }
    return text.empty() ? "(libpq's defaults)" : text;
}

std::string problem_of_connection(const std::string& connection) {
    const Parsed parsed = parse(connection);
    if (parsed.options != nullptr) return {};
    return without_quotations(parsed.error) +
           " (a connection string is \"postgresql://user@host/database\" or \"host=... "
           "dbname=...\")";
}

}  // namespace parrhesia::store
