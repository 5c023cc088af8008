// Takes events out of the tables.
#pragma once

#include "store/postgres/connection.hpp"

#include <cstdint>
#include <span>

namespace parrhesia::store::postgres {

extern const Statement kRemoveEvents;

// The events with these seqs and their tags, in the transaction that is open. Returns how many
// there were. Errors: DatabaseError. The statement must be prepared on the connection.
std::int64_t remove_events(Connection& connection, std::span<const std::int64_t> seqs);

}  // namespace parrhesia::store::postgres
