#include "store/postgres/connection.hpp"

#include "parrhesia/store/postgres_store.hpp"

#include "store/rules/keys.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

namespace parrhesia::store::postgres {
namespace {

using std::chrono::steady_clock;
using Kind = DatabaseError::Kind;

constexpr int kOldestServer = 150000;
constexpr std::chrono::milliseconds kLook{20};  // at Patience::gives_up

// What libpq says ends in a newline, and may be several lines.
[[nodiscard]] std::string tidy(const char* message) {
    std::string text = message == nullptr ? "" : message;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;) {
        text.replace(at, 1, "; ");
    }
    return text.empty() ? "no reason given" : text;
}

[[nodiscard]] std::string sqlstate_of(const PGresult* result) {
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state == nullptr ? "" : state;
}

// Milliseconds for poll(); at least 1, so that a deadline is not met in a busy loop.
[[nodiscard]] int poll_timeout(const Patience& patience) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(patience.deadline -
                                                                            steady_clock::now());
    const auto most = patience.gives_up ? kLook : std::chrono::milliseconds(1000);
    return static_cast<int>(std::clamp(left, std::chrono::milliseconds(1), most).count());
}

}  // namespace

void Rows::clear(pg_result* result) noexcept { PQclear(result); }
int Rows::size() const noexcept { return PQntuples(result_.get()); }
bool Rows::is_null(int row, int column) const noexcept {
    return PQgetisnull(result_.get(), row, column) != 0;
}
std::string_view Rows::bytes(int row, int column) const noexcept {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}
std::int64_t Rows::int64(int row, int column) const noexcept {
    assert(PQgetlength(result_.get(), row, column) == 8);
    return static_cast<std::int64_t>(read_u64(PQgetvalue(result_.get(), row, column)));
}
std::int32_t Rows::int32(int row, int column) const noexcept {
    assert(PQgetlength(result_.get(), row, column) == 4);
    std::uint32_t value = 0;
    std::memcpy(&value, PQgetvalue(result_.get(), row, column), sizeof value);
    return static_cast<std::int32_t>(__builtin_bswap32(value));
}
std::vector<std::uint64_t> Rows::numbers(int row, int column) const {
    // Dimensions, flags, type, then size and first index of the one dimension, then the elements.
    constexpr std::size_t kHead = 5 * 4;
    constexpr std::size_t kElement = 4 + 8;
    const std::string_view array = bytes(row, column);
    std::vector<std::uint64_t> result;
    for (std::size_t at = kHead; at + kElement <= array.size(); at += kElement) {
        result.push_back(read_u64(array.data() + at + 4));
    }
    return result;
}

Connection::Connection(const ConnectionOptions& options, const Patience& patience)
    : connection_(nullptr, &PQfinish), patience_(patience) {
    connect(options);
    check_server();
    set_up(options);
}

Connection::~Connection() = default;

void Connection::connect(const ConnectionOptions& options) {
    // Later ones win: the connection string may say otherwise.
    const std::array<const char*, 5> keywords{"target_session_attrs", "fallback_application_name",
                                              "client_encoding", "dbname", nullptr};
    const std::array<const char*, 5> values{options.target_session_attrs,
                                            options.application_name.c_str(), "UTF8",
                                            options.connection.c_str(), nullptr};
    connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 1));
    if (connection_ == nullptr) throw std::bad_alloc();
    PQsetnonblocking(connection_.get(), 1);
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    while (PQstatus(connection_.get()) != CONNECTION_BAD) {
        wait(next == PGRES_POLLING_WRITING);
        next = PQconnectPoll(connection_.get());
        if (next == PGRES_POLLING_OK) {
            PQsetNoticeProcessor(
                connection_.get(), [](void*, const char*) {}, nullptr);
            return;
        }
        if (next == PGRES_POLLING_FAILED) break;
    }
    fail_lost();
}

void Connection::check_server() {
    const int version = PQserverVersion(connection_.get());
    if (version < kOldestServer) {
        broken_ = true;
        throw DatabaseError(Kind::statement, "",
                            fmt::format("the server is PostgreSQL {}.{}; version 15 or later is "
                                        "needed",
                                        version / 10000, version % 10000));
    }
    const char* encoding = PQparameterStatus(connection_.get(), "server_encoding");
    if (encoding == nullptr || std::string_view(encoding) != "UTF8") {
        broken_ = true;
        throw DatabaseError(Kind::statement, "",
                            fmt::format("the database's encoding is {}; events need UTF8 (createdb "
                                        "--encoding=UTF8 --template=template0)",
                                        encoding == nullptr ? "unknown" : encoding));
    }
}

// Every plan is the one that the statements were written for, whatever the statistics say.
void Connection::set_up(const ConnectionOptions& options) {
    execute(fmt::format("SET search_path = parrhesia, pg_catalog;"
                        "SET statement_timeout = {};"
                        "SET idle_in_transaction_session_timeout = {};"
                        "SET plan_cache_mode = force_generic_plan;"
                        "SET enable_seqscan = off; SET enable_bitmapscan = off;"
                        "SET enable_hashjoin = off; SET enable_mergejoin = off;"
                        "SET enable_material = off; SET enable_memoize = off; SET jit = off;"
                        "SET client_connection_check_interval = 1000;"
                        "SELECT set_config('synchronous_commit', 'on', false)"
                        " WHERE current_setting('synchronous_commit') = 'off'",
                        options.statement_timeout.count(),
                        options.idle_in_transaction_timeout.count())
                .c_str());
    prepare(options.statements);
}

void Connection::prepare(std::span<const Statement> statements) {
    if (statements.empty()) return;
    begin_pipeline();
    for (const Statement& statement : statements) {
        if (PQsendPrepare(connection_.get(), statement.name, statement.sql, 0, nullptr) == 0) {
            fail_lost();
        }
    }
    flush_pipeline();
    for (std::size_t i = 0; i < statements.size(); ++i) (void)next();
    end_pipeline();
}

Rows Connection::execute(const char* sql) {
    if (PQsendQuery(connection_.get(), sql) == 0) fail_lost();
    flush();
    Rows last;
    std::unique_ptr<PGresult, void (*)(PGresult*)> failure(nullptr, &PQclear);
    while (pg_result* result = take_result()) {
        const ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
            failure.reset(result);
        } else {
            last = Rows(result);
        }
    }
    if (failure) fail_statement(failure.get());
    return last;
}

void Connection::begin_pipeline() {
    if (PQenterPipelineMode(connection_.get()) == 0) fail_lost();
}

void Connection::send(const Statement& statement, Parameters& parameters) {
    if (PQsendQueryPrepared(connection_.get(), statement.name, parameters.count(),
                            parameters.values(), parameters.sizes(), parameters.formats(),
                            1) == 0) {
        fail_lost();
    }
}

void Connection::send(const char* sql) {
    if (PQsendQueryParams(connection_.get(), sql, 0, nullptr, nullptr, nullptr, nullptr, 1) == 0) {
        fail_lost();
    }
}

void Connection::flush_pipeline() {
    if (PQpipelineSync(connection_.get()) == 0) fail_lost();
    flush();
}

Rows Connection::next() {
    pg_result* result = take_result();
    if (result == nullptr) fail_lost();
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
        const std::unique_ptr<PGresult, void (*)(PGresult*)> failure(result, &PQclear);
        drain_pipeline();
        fail_statement(failure.get());
    }
    Rows rows(result);
    // A null stands between the answers of a pipeline.
    if (pg_result* more = take_result()) {
        PQclear(more);
        fail_lost();
    }
    return rows;
}

void Connection::end_pipeline() {
    pg_result* result = take_result();
    const bool is_end = result != nullptr && PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    PQclear(result);
    if (!is_end || PQexitPipelineMode(connection_.get()) == 0) fail_lost();
}

void Connection::drain_pipeline() noexcept {
    try {
        for (int nulls = 0; nulls < 2;) {
            pg_result* result = take_result();
            if (result == nullptr) {
                ++nulls;
                continue;
            }
            nulls = 0;
            const bool is_end = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
            PQclear(result);
            if (!is_end) continue;
            if (PQexitPipelineMode(connection_.get()) == 0) broken_ = true;
            return;
        }
        broken_ = true;
    } catch (const std::exception&) {
        broken_ = true;
    }
}

void Connection::copy(const char* sql, std::span<const std::string_view> rows) {
    if (PQsendQuery(connection_.get(), sql) == 0) fail_lost();
    flush();
    std::unique_ptr<PGresult, void (*)(PGresult*)> failure(nullptr, &PQclear);
    auto next_rows = rows.begin();
    while (pg_result* result = take_result()) {
        const ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_COPY_IN) {
            PQclear(result);
            if (next_rows == rows.end()) fail_lost();
            // libpq takes what it is given into its buffer, and flushes what it can.
            const std::string_view data = *next_rows++;
            if (PQputCopyData(connection_.get(), data.data(), static_cast<int>(data.size())) != 1 ||
                PQputCopyEnd(connection_.get(), nullptr) != 1) {
                fail_lost();
            }
            flush();
        } else if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
            failure.reset(result);
        } else {
            PQclear(result);
        }
    }
    if (failure) fail_statement(failure.get());
}

void Connection::flush() {
    for (;;) {
        const int state = PQflush(connection_.get());
        if (state == 0) return;
        if (state < 0) fail_lost();
        wait(true);
        if (PQconsumeInput(connection_.get()) == 0) fail_lost();
    }
}

pg_result* Connection::take_result() {
    while (PQisBusy(connection_.get()) != 0) {
        wait(false);
        if (PQconsumeInput(connection_.get()) == 0) fail_lost();
    }
    return PQgetResult(connection_.get());
}

void Connection::wait(bool for_writing) {
    const int socket = PQsocket(connection_.get());
    if (socket < 0) fail_lost();
    for (;;) {
        // While writing we also read, or both sides could wait for each other.
        pollfd entry{socket, static_cast<short>(for_writing ? POLLIN | POLLOUT : POLLIN), 0};
        if (for_writing && PQstatus(connection_.get()) != CONNECTION_OK) entry.events = POLLOUT;
        const int ready = ::poll(&entry, 1, poll_timeout(patience_));
        if (ready > 0) return;
        if (ready < 0 && errno != EINTR) fail_lost();
        // Given up: the answer may come at any time, so the connection is not used again. The
        // server sees that it is gone (client_connection_check_interval) and stops.
        if (patience_.gives_up && patience_.gives_up()) {
            broken_ = true;
            throw DatabaseError(Kind::cancelled, "", "the operation was given up");
        }
        if (steady_clock::now() >= patience_.deadline) {
            broken_ = true;
            throw DatabaseError(Kind::timed_out, "", "the server does not answer in time");
        }
    }
}

void Connection::fail_lost() {
    broken_ = true;
    throw DatabaseError(Kind::lost, "", tidy(PQerrorMessage(connection_.get())));
}

void Connection::fail_statement(pg_result* result) {
    const std::string state = sqlstate_of(result);
    DatabaseError error(Kind::statement, state, tidy(PQresultErrorMessage(result)));
    if (state.empty() || error.is_end_of_server() || PQstatus(connection_.get()) != CONNECTION_OK) {
        broken_ = true;
        throw DatabaseError(Kind::lost, state, error.what());
    }
    throw error;
}

}  // namespace parrhesia::store::postgres
