// What of the protocol this relay supports: one table, which NIP-11's supported_nips and
// docs/nips.md are both made from.
#pragma once

#include "parrhesia/event/kind.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::app {

// A row is here only when the rules are enforced on every path and the cases pass.
struct Nip {
    int number = 0;
    std::string_view title;
    std::string_view supported;            // what exactly; Markdown
    std::vector<std::string_view> config;  // keys, or a section as "auth"
    std::vector<std::string_view> cases;   // names of tests; "T09.01-T09.08" is a range
    std::vector<event::Kind> kinds;        // without these there is nothing to support
};

// Ascending by number.
[[nodiscard]] const std::vector<Nip>& nips();

// The numbers for NIP-11. Those whose kinds the operator does not take are left out.
[[nodiscard]] std::vector<int> supported_nips(
    const std::function<bool(event::Kind)>& is_denied_kind);

// The table for a terminal: a line each.
[[nodiscard]] std::string nips_text();

// docs/nips.md.
[[nodiscard]] std::string nips_markdown();

}  // namespace parrhesia::app
