#include "event_table.hpp"

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/event/parse.hpp"
#include "parrhesia/event/verify.hpp"
#include "parrhesia/policy/viewer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <limits>
#include <stdexcept>

namespace parrhesia::bench {
namespace {

constexpr EventTable::Number kFree = std::numeric_limits<EventTable::Number>::max();

constexpr event::Kind kEphemeralKind = 20001;

event::EventPtr as_ephemeral(const event::Event& event) {
    static const std::vector<event::Keypair> authors = [] {
        std::vector<event::Keypair> keys;
        for (const char* seed : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
            keys.push_back(event::Keypair::from_seed(seed));
        }
        return keys;
    }();
    const auto created_at = std::chrono::system_clock::now().time_since_epoch();
    event::EventDraft draft;
    draft.created_at = std::chrono::duration_cast<std::chrono::seconds>(created_at).count();
    draft.kind = kEphemeralKind;
    draft.content = event.json();
    return event::sign_event(authors[event.id().bytes[0] % authors.size()], draft);
}

}  // namespace

EventTable EventTable::load(const CorpusPart& part) {
    std::ifstream file(part.path);
    if (!file) throw std::runtime_error(fmt::format("{}: cannot be opened", part.path));
    EventTable table;
    event::JsonReader reader;
    std::string line;
    for (std::size_t number = 1; std::getline(file, line); ++number) {
        if (number <= part.skip) continue;
        if (part.count != 0 && table.size() == part.count) break;
        auto parsed = reader.event(line);
        if (!parsed) {
            throw std::runtime_error(
                fmt::format("{}:{}: {}", part.path, number, parsed.error().text));
        }
        const bool is_regular = event::class_of((*parsed)->kind()) == event::KindClass::regular;
        if (!is_regular && part.regular_kinds_only) continue;
        table.insert(part.as_ephemeral ? as_ephemeral(**parsed) : *parsed);
    }
    if (table.size() == 0 || table.size() < part.count) {
        throw std::runtime_error(
            fmt::format("{}: has {} events after the first {} lines, {} are needed", part.path,
                        table.size(), part.skip, std::max<std::size_t>(1, part.count)));
    }
    return table;
}

bool is_for_all(const event::Event& event) noexcept {
    return policy::readers_of(event.kind()) == policy::Readers::all;
}

std::size_t EventTable::slot_of(std::string_view hex_id) const noexcept {
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < 16; i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, hex_id.data() + i, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
        hash ^= hash >> 29U;
    }
    std::size_t slot = hash & (slots_.size() - 1);
    while (slots_[slot] != kFree &&
           std::memcmp(hex_ids_[slots_[slot]].data(), hex_id.data(), 64) != 0) {
        slot = (slot + 1) & (slots_.size() - 1);
    }
    return slot;
}

std::optional<EventTable::Number> EventTable::find(std::string_view hex_id) const noexcept {
    if (hex_id.size() != 64) return std::nullopt;
    const Number number = slots_[slot_of(hex_id)];
    if (number == kFree) return std::nullopt;
    return number;
}

bool EventTable::insert(const event::EventPtr& event) {
    if (hex_ids_.size() * 2 >= slots_.size()) grow();
    const std::string hex = base::to_hex(event->id());
    const std::size_t slot = slot_of(hex);
    if (slots_[slot] != kFree) return false;
    slots_[slot] = static_cast<Number>(events_.size());
    events_.push_back(event);
    std::copy(hex.begin(), hex.end(), hex_ids_.emplace_back().begin());
    return true;
}

void EventTable::grow() {
    slots_.assign(std::max<std::size_t>(1024, slots_.size() * 2), kFree);
    for (std::size_t i = 0; i < hex_ids_.size(); ++i) {
        slots_[slot_of({hex_ids_[i].data(), 64})] = static_cast<Number>(i);
    }
}

bool EventTable::is_same(Number number, std::string_view json) const {
    const std::string_view expected = events_[number]->json();
    if (json == expected) return true;
    event::JsonReader reader;
    const auto parsed = reader.event(json);
    return parsed && (*parsed)->json() == expected &&
           (*parsed)->signature() == events_[number]->signature();
}

}  // namespace parrhesia::bench
