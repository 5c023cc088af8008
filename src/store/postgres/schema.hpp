// The tables, as numbered migrations. docs/postgres.md says what each table is for.
#pragma once

#include "store/postgres/connection.hpp"

namespace parrhesia::store::postgres {

// The version of the schema that this build works with.
[[nodiscard]] int needed_schema_version() noexcept;

// 0: there is no schema.
[[nodiscard]] int found_schema_version(Connection& connection);

// Applies what is missing, in one transaction under an advisory lock, so that several relays may
// start at once. Returns the version found.
// Errors: DatabaseError; std::runtime_error for a schema that is newer than this build.
int migrate(Connection& connection);

// Errors: DatabaseError; std::runtime_error, with the remedy, for any version but the needed one.
void check_schema(Connection& connection);

// Whether the transaction ids in the tables are of this server. A restored dump has those of
// another one, and queries would take its events for not committed yet. Errors: DatabaseError;
// std::runtime_error, with the remedy, when they are not.
void check_history(Connection& connection);

}  // namespace parrhesia::store::postgres
