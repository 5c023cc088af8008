// The events of a corpus file, by number and by id.
#pragma once

#include "parrhesia/event/event.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::bench {

// Whether a client that has not authenticated is served the event: relays keep direct messages and
// gift wraps for those they concern (NIP-04, NIP-17).
[[nodiscard]] bool is_for_all(const event::Event& event) noexcept;

struct CorpusPart {
    std::string path;
    std::size_t skip = 0;   // lines
    std::size_t count = 0;  // events; 0: all
    // Leaves out kinds of which a relay keeps only the newest version: whether one of those is
    // delivered depends on the order in which they arrive.
    bool regular_kinds_only = false;
    // Each event again, as the content of an ephemeral one (NIP-01) by one of a few authors: relays
    // deliver those without storing them.
    bool as_ephemeral = false;
};

// Threading: one thread.
class EventTable {
  public:
    using Number = std::uint32_t;

    // Errors: throws std::runtime_error that names the file and the line.
    [[nodiscard]] static EventTable load(const CorpusPart& part);

    [[nodiscard]] std::size_t size() const noexcept { return events_.size(); }
    [[nodiscard]] const event::Event& operator[](std::size_t number) const {
        return *events_[number];
    }
    [[nodiscard]] std::optional<Number> find(std::string_view hex_id) const noexcept;
    // True when `json` is the event of that number: its canonical form, or another spelling of it.
    [[nodiscard]] bool is_same(Number number, std::string_view json) const;

  private:
    using HexId = std::array<char, 64>;
    [[nodiscard]] std::size_t slot_of(std::string_view hex_id) const noexcept;
    // False when the table has it already.
    bool insert(const event::EventPtr& event);
    void grow();

    std::vector<event::EventPtr> events_;
    std::vector<HexId> hex_ids_;
    std::vector<Number> slots_;  // open addressing; kFree
};

}  // namespace parrhesia::bench
