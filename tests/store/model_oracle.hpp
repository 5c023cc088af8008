// A store as the NIPs tell it: a list, and loops over it. It parses tags with the relay's JSON
// parser and shares no other rule with what it is compared to.
#pragma once

#include "parrhesia/event/tags.hpp"

#include "store/store_testing.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parrhesia::test {

constexpr const char* kModelRelayUrl = "wss://relay.example";

class Oracle {
  public:
    PutStatus put(const EventPtr& event) {
        if (contains(event->id())) return PutStatus::duplicate;
        if (is_gone(event)) return PutStatus::deleted;
        if (const EventPtr version = version_at(address_of(event))) {
            if (comes_before(version, event)) return PutStatus::superseded;
            std::erase(events_, version);
        }
        events_.push_back(event);  // and stays there when it has expired: its place is taken
        if (event->kind() == 5) remove_targets(event);
        if (event->kind() == 62) vanish(event);
        return PutStatus::stored;
    }

    // The JSON of what the filters match at the time, newest first; each has its own limit.
    [[nodiscard]] std::vector<std::string> query(const std::vector<Filter>& filters,
                                                 std::int64_t now) const {
        std::vector<EventPtr> sorted = events_;
        std::sort(sorted.begin(), sorted.end(), comes_before);
        std::vector<EventPtr> found;
        for (const Filter& filter : filters) {
            std::size_t left = filter.limit.value_or(~0U);
            for (const EventPtr& event : sorted) {
                if (left == 0) break;
                if (has_expired(event, now) || !matches(filter, event)) continue;
                --left;
                if (!has(found, event)) found.push_back(event);
            }
        }
        std::sort(found.begin(), found.end(), comes_before);
        return json_of(std::move(found));
    }

  private:
    using Tags = std::vector<event::Tag>;
    static Tags tags_of(const EventPtr& event) { return event::tags_of(event->view()); }

    template <class Value>
    static bool has(const std::vector<Value>& values, const Value& value) {
        return std::find(values.begin(), values.end(), value) != values.end();
    }
    [[nodiscard]] bool contains(const event::Id& id) const {
        return std::any_of(events_.begin(), events_.end(),
                           [&id](const EventPtr& event) { return event->id() == id; });
    }
    // NIP-01 on kinds.
    static bool is_replaceable(unsigned kind) {
        return kind == 0 || kind == 3 || (kind >= 10000 && kind < 20000);
    }
    static bool is_addressable(unsigned kind) { return kind >= 30000 && kind < 40000; }
    // What an `a` tag says of the event; empty when it has no address.
    static std::string address_of(const EventPtr& event) {
        std::string text = std::to_string(event->kind()) + ":" + to_hex(event->pubkey()) + ":";
        if (is_replaceable(event->kind())) return text;
        if (!is_addressable(event->kind())) return "";
        for (const event::Tag& tag : tags_of(event)) {
            if (tag[0] == "d") return text + (tag.size() > 1 ? tag[1] : "");
        }
        return text;
    }
    // NIP-40.
    static bool has_expired(const EventPtr& event, std::int64_t now) {
        for (const event::Tag& tag : tags_of(event)) {
            if (tag[0] == "expiration") return std::stoll(tag.at(1)) <= now;
        }
        return false;
    }
    // NIP-01 on filters.
    static bool matches(const Filter& filter, const EventPtr& event) {
        if (!filter.ids.empty() && !has(filter.ids, event->id())) return false;
        if (!filter.authors.empty() && !has(filter.authors, event->pubkey())) return false;
        if (!filter.kinds.empty() && !has(filter.kinds, event->kind())) return false;
        if (event->created_at() < filter.since || event->created_at() > filter.until) return false;
        const Tags tags = tags_of(event);
        return std::all_of(filter.tags.begin(), filter.tags.end(), [&](const auto& wanted) {
            const auto is_wanted = [&wanted](const event::Tag& tag) {
                return tag[0] == std::string(1, wanted.name) && tag.size() > 1 &&
                       has(wanted.values, tag[1]);
            };
            if (std::any_of(tags.begin(), tags.end(), is_wanted)) return true;
            // Decision 5: an addressable event without `d` is found by an empty one.
            const bool has_d = std::any_of(tags.begin(), tags.end(),
                                           [](const event::Tag& tag) { return tag[0] == "d"; });
            return wanted.name == 'd' && !has_d && is_addressable(event->kind()) &&
                   has(wanted.values, std::string());
        });
    }
    // NIP-59, NIP-09, NIP-62.
    static bool is_wrap_for(const EventPtr& event, const event::PubKey& pubkey) {
        if (event->kind() != 1059) return false;
        const Tags tags = tags_of(event);
        return std::any_of(tags.begin(), tags.end(), [&pubkey](const event::Tag& tag) {
            return tag.size() > 1 && tag[0] == "p" && tag[1] == to_hex(pubkey);
        });
    }
    static bool may_delete(const event::PubKey& signer, const EventPtr& event) {
        if (event->kind() == 5 || event->kind() == 62) return false;
        return event->pubkey() == signer || is_wrap_for(event, signer);
    }

    [[nodiscard]] bool is_gone(const EventPtr& event) const {
        for (const auto& [pubkey, until] : vanished_) {
            if (event->pubkey() == pubkey && event->created_at() <= until) return true;
        }
        for (const event::Id& id : vanished_wraps_) {
            if (id == event->id()) return true;
        }
        for (const auto& [id, signer] : gone_) {
            if (id == event->id() && may_delete(signer, event)) return true;
        }
        const std::string own = address_of(event);
        for (const auto& [address, until] : gone_addresses_) {
            if (address == own && event->created_at() <= until) return true;
        }
        return false;
    }
    [[nodiscard]] EventPtr version_at(const std::string& address) const {
        if (address.empty()) return nullptr;
        for (const EventPtr& event : events_) {
            if (address_of(event) == address) return event;
        }
        return nullptr;
    }
    void remove_targets(const EventPtr& deletion) {
        const event::PubKey signer = deletion->pubkey();
        for (const event::Tag& tag : tags_of(deletion)) {
            if (tag.size() < 2) continue;
            if (tag[0] == "e") {
                const auto id = base::parse_hex<event::Id>(tag[1]);
                if (!id) continue;
                gone_.emplace_back(*id, signer);
                std::erase_if(events_, [&](const EventPtr& event) {
                    return event->id() == *id && may_delete(signer, event);
                });
            } else if (tag[0] == "a" && is_of(tag[1], signer)) {
                gone_addresses_.emplace_back(tag[1], deletion->created_at());
                std::erase_if(events_, [&](const EventPtr& event) {
                    return address_of(event) == tag[1] &&
                           event->created_at() <= deletion->created_at();
                });
            }
        }
    }
    static bool is_of(const std::string& address, const event::PubKey& signer) {
        return address.find(":" + to_hex(signer) + ":") == address.find(':');
    }
    void vanish(const EventPtr& request) {
        const Tags tags = tags_of(request);
        if (std::none_of(tags.begin(), tags.end(), [](const event::Tag& tag) {
                return tag.size() > 1 && tag[0] == "relay" &&
                       (tag[1] == kModelRelayUrl || tag[1] == "ALL_RELAYS");
            })) {
            return;
        }
        vanished_.emplace_back(request->pubkey(), request->created_at());
        std::erase_if(events_, [&](const EventPtr& event) {
            if (is_wrap_for(event, request->pubkey())) {
                vanished_wraps_.push_back(event->id());
                return true;
            }
            return event != request && event->pubkey() == request->pubkey() &&
                   event->created_at() <= request->created_at();
        });
    }

    std::vector<EventPtr> events_;
    std::vector<std::pair<event::Id, event::PubKey>> gone_;  // and who wanted it gone
    std::vector<std::pair<std::string, std::int64_t>> gone_addresses_;
    std::vector<std::pair<event::PubKey, std::int64_t>> vanished_;
    std::vector<event::Id> vanished_wraps_;
};

}  // namespace parrhesia::test
